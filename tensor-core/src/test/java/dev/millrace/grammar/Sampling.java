package dev.millrace.grammar;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.millrace.grammar.machine.CompiledFormat;
import dev.millrace.grammar.machine.Constraint;
import dev.millrace.tokenizer.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;

/** What a model with nothing in its head says under a format; and whether a text can be said. */
public final class Sampling {
  private static final int[] ENDS = {Vocabularies.END};

  private Sampling() {}

  /**
   * Draws tokens until the output ends; the longer it gets, the likelier ones that close something.
   *
   * @param hints texts that the format may want by name, now and then drawn for their own sake: out
   *     of nothing but chance, a required member's name would hardly ever come
   * @return nothing if that takes more than so many tokens
   */
  public static Optional<String> sample(
      CompiledFormat format,
      Tokenizer tokenizer,
      List<String> hints,
      Random random,
      int mostTokens) {
    Constraint constraint = format.begin(ENDS);
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    for (int i = 0; i < mostTokens && !constraint.isComplete(); i++) {
      if (!hints.isEmpty()
          && random.nextInt(4) == 0
          && say(hints.get(random.nextInt(hints.size())), constraint, text)) {
        continue;
      }
      int[] ids = ids(constraint.allowed());
      if (ids.length == 0) {
        throw new AssertionError("nothing is allowed behind " + text.toString(UTF_8));
      }
      int[] closing = IntStream.of(ids).filter(Sampling::closes).toArray();
      boolean close = closing.length > 0 && random.nextInt(10) < (i < mostTokens / 4 ? 3 : 8);
      int id = close ? closing[random.nextInt(closing.length)] : ids[random.nextInt(ids.length)];
      constraint.accept(id);
      if (id != Vocabularies.END) {
        text.writeBytes(tokenizer.piece(id));
      }
    }
    return constraint.isComplete() ? Optional.of(text.toString(UTF_8)) : Optional.empty();
  }

  /** Byte by byte, if all of them are allowed. */
  private static boolean say(String hint, Constraint constraint, ByteArrayOutputStream text) {
    byte[] bytes = hint.getBytes(UTF_8);
    Constraint trial = constraint.copy();
    for (byte each : bytes) {
      if (!trial.allows(each & 0xFF)) {
        return false;
      }
      trial.accept(each & 0xFF);
    }
    for (byte each : bytes) {
      constraint.accept(each & 0xFF);
    }
    text.writeBytes(bytes);
    return true;
  }

  private static boolean closes(int id) {
    return id == Vocabularies.END || id == '"' || id == '}' || id == ']';
  }

  /** Whether a format allows a text, byte by byte, and to end behind it. */
  public static boolean accepts(CompiledFormat format, String text) {
    Constraint constraint = format.begin(ENDS);
    for (byte each : text.getBytes(UTF_8)) {
      if (!constraint.allows(each & 0xFF)) {
        return false;
      }
      constraint.accept(each & 0xFF);
    }
    return constraint.isValid();
  }

  /** The ids in a mask. */
  public static int[] ids(long[] mask) {
    return IntStream.range(0, mask.length * 64)
        .filter(id -> (mask[id >> 6] >>> id & 1) != 0)
        .toArray();
  }
}
