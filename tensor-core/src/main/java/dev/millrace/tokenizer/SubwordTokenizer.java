package dev.millrace.tokenizer;

import dev.millrace.tokenizer.SpecialTokenSplitter.Fragment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.OptionalInt;

/**
 * A tokenizer read from a model's metadata: special tokens are cut out of the text, what is between
 * them goes to a byte-pair encoding, BOS and EOS are added.
 */
final class SubwordTokenizer implements Tokenizer {
  /** Encoding takes some 60 bytes of memory for each byte of a word at worst. */
  static final int MAX_TEXT_BYTES = 1 << 26;

  private final TokenType[] types;
  private final SpecialTokens special;
  private final SpecialTokenSplitter splitter;
  private final BytePairEncoding encoding;

  SubwordTokenizer(Vocabulary vocabulary, SpecialTokens special, BytePairEncoding encoding) {
    this.types = vocabulary.types().toArray(TokenType[]::new);
    this.special = special;
    this.splitter = new SpecialTokenSplitter(vocabulary);
    this.encoding = encoding;
  }

  @Override
  public int vocabularySize() {
    return types.length;
  }

  @Override
  public int[] encode(String text, boolean addSpecial, boolean parseSpecial) {
    IdList ids = new IdList();
    encode(text, addSpecial, parseSpecial, ids);
    return ids.toArray();
  }

  @Override
  public int[] encodeMarked(String text, BitSet special, boolean continues) {
    byte[] utf8 = utf8(text);
    IdList ids = new IdList();
    encode(utf8, splitter.split(utf8, Utf8.unitsToBytes(text, special)), !continues, ids);
    return ids.toArray();
  }

  @Override
  public List<TokenSpan> encodeWithSpans(String text, boolean addSpecial, boolean parseSpecial) {
    List<TokenSpan> spans = new ArrayList<>();
    encode(
        text, addSpecial, parseSpecial, (id, from, to) -> spans.add(new TokenSpan(id, from, to)));
    return spans;
  }

  private void encode(
      String text, boolean addSpecial, boolean parseSpecial, BytePairEncoding.TokenSink tokens) {
    byte[] utf8 = utf8(text);
    if (addSpecial && special.addBos()) {
      tokens.token(special.bos().getAsInt(), 0, 0);
    }
    encode(utf8, splitter.split(utf8, parseSpecial), true, tokens);
    if (addSpecial && special.addEos()) {
      tokens.token(special.eos().getAsInt(), utf8.length, utf8.length);
    }
  }

  private static byte[] utf8(String text) {
    if (text.length() > MAX_TEXT_BYTES) {
      throw tooLong(text.length());
    }
    byte[] utf8 = Utf8.encode(text);
    if (utf8.length > MAX_TEXT_BYTES) {
      throw tooLong(utf8.length);
    }
    return utf8;
  }

  /**
   * @param atStart whether no plain text goes before
   */
  private void encode(
      byte[] utf8, List<Fragment> fragments, boolean atStart, BytePairEncoding.TokenSink tokens) {
    PairMerger merger = new PairMerger();
    boolean afterSpecial = atStart;
    for (Fragment fragment : fragments) {
      boolean isText = fragment.token() == Fragment.TEXT;
      if (isText) {
        encoding.encode(utf8, fragment.from(), fragment.to(), afterSpecial, merger, tokens);
      } else {
        tokens.token(fragment.token(), fragment.from(), fragment.to());
      }
      afterSpecial = !isText;
    }
  }

  private static IllegalArgumentException tooLong(int length) {
    return new IllegalArgumentException(
        "text of " + length + " bytes or more; at most " + MAX_TEXT_BYTES + " are allowed");
  }

  @Override
  public byte[] piece(int id) {
    return encoding.piece(id);
  }

  @Override
  public boolean isSpecial(int id) {
    return types[id].isSpecial();
  }

  @Override
  public boolean isEndOfGeneration(int id) {
    return Arrays.binarySearch(special.endOfGeneration(), id) >= 0;
  }

  @Override
  public int[] endOfGenerationIds() {
    return special.endOfGeneration().clone();
  }

  @Override
  public OptionalInt bos() {
    return special.bos();
  }

  @Override
  public OptionalInt eos() {
    return special.eos();
  }

  @Override
  public boolean addsBos() {
    return special.addBos();
  }

  @Override
  public TextDecoder decoder(boolean skipSpecial) {
    return new Utf8TextDecoder(this, skipSpecial, false);
  }

  @Override
  public TextDecoder wholeTextDecoder(boolean skipSpecial) {
    return new Utf8TextDecoder(this, skipSpecial, encoding.addsSpacePrefix());
  }

  /** Grows as ids come. */
  private static final class IdList implements BytePairEncoding.TokenSink {
    private int[] ids = new int[64];
    private int size;

    @Override
    public void token(int id, int from, int to) {
      if (size == ids.length) {
        ids = Arrays.copyOf(ids, size * 2);
      }
      ids[size++] = id;
    }

    int[] toArray() {
      return Arrays.copyOf(ids, size);
    }
  }
}
