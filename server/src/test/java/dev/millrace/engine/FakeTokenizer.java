package dev.millrace.engine;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.millrace.tokenizer.TextDecoder;
import dev.millrace.tokenizer.Tokenizer;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.util.BitSet;
import java.util.List;
import java.util.OptionalInt;

/**
 * A few tokens that make trouble: parts of characters, bytes that are none, and a small alphabet in
 * which stop texts turn up all the time.
 */
public final class FakeTokenizer implements Tokenizer {
  public static final int END = 0;
  public static final int BOS = 1;
  private static final byte[][] PIECES = {
    text("<end>"),
    text("<bos>"),
    text("a"),
    text("b"),
    text("c"),
    text("ab"),
    text("ba"),
    text("abc"),
    text("aab"),
    text(" a"),
    text("\n"),
    text("é"),
    text("😀"),
    {(byte) 0xC3},
    {(byte) 0xA9},
    {(byte) 0xF0, (byte) 0x9F},
    {(byte) 0x98, (byte) 0x80},
    {(byte) 0xFF},
    text("cab"),
    text("bb"),
    text("aaa"),
    text("c😀"),
    text("éa"),
    text("ac")
  };

  private static byte[] text(String text) {
    return text.getBytes(UTF_8);
  }

  @Override
  public int vocabularySize() {
    return PIECES.length;
  }

  @Override
  public int[] encode(String text, boolean addSpecial, boolean parseSpecial) {
    throw new UnsupportedOperationException("tests give ids");
  }

  @Override
  public int[] encodeMarked(String text, BitSet special, boolean continues) {
    return encode(text, false, false);
  }

  @Override
  public List<TokenSpan> encodeWithSpans(String text, boolean addSpecial, boolean parseSpecial) {
    throw new UnsupportedOperationException("tests give ids");
  }

  @Override
  public byte[] piece(int id) {
    return PIECES[id];
  }

  @Override
  public boolean isSpecial(int id) {
    return id == END || id == BOS;
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
    return OptionalInt.of(BOS);
  }

  @Override
  public OptionalInt eos() {
    return OptionalInt.empty();
  }

  @Override
  public boolean addsBos() {
    return true;
  }

  @Override
  public TextDecoder decoder(boolean skipSpecial) {
    CharsetDecoder utf8 = UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPLACE);
    ByteBuffer bytes = ByteBuffer.allocate(32);
    return new TextDecoder() {
      @Override
      public String add(int id) {
        if (!(skipSpecial && isSpecial(id))) {
          bytes.put(PIECES[id]);
        }
        return decode(false);
      }

      @Override
      public String finish() {
        return decode(true);
      }

      private String decode(boolean end) {
        CharBuffer text = CharBuffer.allocate(32);
        bytes.flip();
        utf8.decode(bytes, text, end);
        bytes.compact();
        return text.flip().toString();
      }
    };
  }
}
