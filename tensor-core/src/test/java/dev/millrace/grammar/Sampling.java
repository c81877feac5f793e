package dev.millrace.grammar;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.millrace.grammar.machine.CompiledFormat;
import dev.millrace.grammar.machine.Constraint;
import dev.millrace.tokenizer.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;

/** What a model with nothing in its head says under a format; and whether a text can be said. */
public final class Sampling {
  private static final int[] ENDS = {Vocabularies.END};

  private Sampling() {}

  /**
   * Draws tokens until the output ends.
   *
   * @return nothing if that takes more than so many tokens
   */
  public static Optional<String> sample(
      CompiledFormat format, Tokenizer tokenizer, Random random, int mostTokens) {
    Constraint constraint = format.begin(ENDS);
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    for (int i = 0; i < mostTokens && !constraint.isComplete(); i++) {
      int[] ids = ids(constraint.allowed());
      if (ids.length == 0) {
        throw new AssertionError("nothing is allowed behind " + text.toString(UTF_8));
      }
      boolean mayEnd = ids[0] <= Vocabularies.END && contains(ids, Vocabularies.END);
      int id =
          mayEnd && random.nextInt(3) == 0 ? Vocabularies.END : ids[random.nextInt(ids.length)];
      constraint.accept(id);
      if (id != Vocabularies.END) {
        text.writeBytes(tokenizer.piece(id));
      }
    }
    return constraint.isComplete() ? Optional.of(text.toString(UTF_8)) : Optional.empty();
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

  static boolean contains(int[] ids, int id) {
    return IntStream.of(ids).anyMatch(each -> each == id);
  }

  /** The ids in a mask. */
  public static int[] ids(long[] mask) {
    return IntStream.range(0, mask.length * 64)
        .filter(id -> (mask[id >> 6] >>> id & 1) != 0)
        .toArray();
  }
}
