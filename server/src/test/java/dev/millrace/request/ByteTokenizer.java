package dev.millrace.request;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.millrace.tokenizer.TextDecoder;
import dev.millrace.tokenizer.Tokenizer;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.OptionalInt;

/** For tests: a token is a UTF-8 byte; one more begins a text, and another ends it. */
public class ByteTokenizer implements Tokenizer {
  public static final int BOS = 256;
  public static final int EOS = 257;

  @Override
  public int vocabularySize() {
    return 258;
  }

  @Override
  public int[] encode(String text, boolean addSpecial, boolean parseSpecial) {
    return encodeWithSpans(text, addSpecial, parseSpecial).stream()
        .mapToInt(TokenSpan::id)
        .toArray();
  }

  @Override
  public int[] encodeMarked(String text, BitSet special, boolean continues) {
    return encode(text, false, false);
  }

  @Override
  public List<TokenSpan> encodeWithSpans(String text, boolean addSpecial, boolean parseSpecial) {
    byte[] bytes = text.getBytes(UTF_8);
    List<TokenSpan> spans = new ArrayList<>();
    if (addSpecial) {
      spans.add(new TokenSpan(BOS, 0, 0));
    }
    for (int at = 0; at < bytes.length; at++) {
      if (parseSpecial && text.startsWith("<eos>", at)) {
        spans.add(new TokenSpan(EOS, at, at + 5));
        at += 4;
      } else {
        spans.add(new TokenSpan(bytes[at] & 0xff, at, at + 1));
      }
    }
    return spans;
  }

  @Override
  public byte[] piece(int id) {
    return switch (id) {
      case BOS -> "<bos>".getBytes(UTF_8);
      case EOS -> "<eos>".getBytes(UTF_8);
      default -> new byte[] {(byte) id};
    };
  }

  @Override
  public boolean isSpecial(int id) {
    return id >= BOS;
  }

  @Override
  public boolean isEndOfGeneration(int id) {
    return id == EOS;
  }

  @Override
  public int[] endOfGenerationIds() {
    return new int[] {EOS};
  }

  @Override
  public OptionalInt bos() {
    return OptionalInt.of(BOS);
  }

  @Override
  public OptionalInt eos() {
    return OptionalInt.of(EOS);
  }

  @Override
  public boolean addsBos() {
    return true;
  }

  @Override
  public TextDecoder decoder(boolean skipSpecial) {
    CharsetDecoder utf8 =
        UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPLACE)
            .onUnmappableCharacter(CodingErrorAction.REPLACE);
    ByteBuffer bytes = ByteBuffer.allocate(16); // a piece, and the beginning of a character
    return new TextDecoder() {
      @Override
      public String add(int id) {
        if (skipSpecial && isSpecial(id)) {
          return "";
        }
        bytes.put(piece(id));
        return decode(false);
      }

      @Override
      public String finish() {
        return decode(true);
      }

      private String decode(boolean end) {
        CharBuffer text = CharBuffer.allocate(bytes.capacity());
        bytes.flip();
        utf8.decode(bytes, text, end);
        bytes.compact();
        return text.flip().toString();
      }
    };
  }
}
