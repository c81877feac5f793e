package dev.millrace.grammar;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.millrace.tokenizer.TextDecoder;
import dev.millrace.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;

/** Made-up vocabularies: every byte, an end token, and texts that cross all borders. */
public final class Vocabularies {
  public static final int END = 256;

  private static final List<String> PARTS =
      List.of(
          "\"", "\":", "\": ", ", ", ",", "{", "}", "[", "]", "{\"", "\"}", "}}", "]}", "],", "\",",
          "\", \"", "\": \"", "\":{", "\": [", "true", "false", "null", "tru", "12", "-1", ".5",
          "0", "1e", "E+", "\\", "\\u", "\\u00", "\\\"", "\\n", "a", "b", "ab", "abc", " ", "foo",
          "ba", "bar", "é", "ü\"", "😀", "日本", "0\":", "[[", "{}", "[]", "\"\"", "x\",\"", "1,",
          "2]");

  private Vocabularies() {}

  /** All bytes by their own number, {@link #END}, then these texts. */
  public static Tokenizer of(List<byte[]> texts) {
    List<byte[]> pieces = new ArrayList<>();
    for (int i = 0; i < 256; i++) {
      pieces.add(new byte[] {(byte) i});
    }
    pieces.add("<end>".getBytes(UTF_8));
    pieces.addAll(texts);
    return new Pieces(pieces);
  }

  /** Texts that formats like, some of them cut within characters, some there twice. */
  public static Tokenizer random(Random random, int count) {
    List<byte[]> texts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      StringBuilder text = new StringBuilder();
      for (int parts = 1 + random.nextInt(3); parts > 0; parts--) {
        text.append(PARTS.get(random.nextInt(PARTS.size())));
      }
      byte[] bytes = text.toString().getBytes(UTF_8);
      int from = random.nextInt(4) == 0 ? random.nextInt(bytes.length) : 0;
      int to =
          random.nextInt(4) == 0 ? from + 1 + random.nextInt(bytes.length - from) : bytes.length;
      texts.add(Arrays.copyOfRange(bytes, from, to));
    }
    return of(texts);
  }

  private record Pieces(List<byte[]> pieces) implements Tokenizer {
    @Override
    public int vocabularySize() {
      return pieces.size();
    }

    @Override
    public int[] encode(String text, boolean addSpecial, boolean parseSpecial) {
      throw new UnsupportedOperationException("tests give ids");
    }

    @Override
    public int[] encodeMarked(String text, BitSet special, boolean continues) {
      throw new UnsupportedOperationException("tests give ids");
    }

    @Override
    public List<TokenSpan> encodeWithSpans(String text, boolean addSpecial, boolean parseSpecial) {
      throw new UnsupportedOperationException("tests give ids");
    }

    @Override
    public byte[] piece(int id) {
      return pieces.get(id);
    }

    @Override
    public boolean isSpecial(int id) {
      return id == END;
    }

    @Override
    public boolean isEndOfGeneration(int id) {
      return id == END;
    }

    @Override
    public int[] endOfGenerationIds() {
      return new int[] {END};
    }

    @Override
    public OptionalInt bos() {
      return OptionalInt.empty();
    }

    @Override
    public OptionalInt eos() {
      return OptionalInt.empty();
    }

    @Override
    public boolean addsBos() {
      return false;
    }

    @Override
    public TextDecoder decoder(boolean skipSpecial) {
      throw new UnsupportedOperationException("formats work on bytes");
    }
  }
}
