package dev.millrace.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class Utf8TextDecoderTest {
  private static final Tokenizer BYTES =
      MetadataBuilder.byteLevel().token("<|im_end|>", MetadataBuilder.CONTROL).tokenizer();
  private static final int SPECIAL = 256;

  @Test
  void givesACharacterWhenItIsWhole() {
    TextDecoder decoder = BYTES.decoder(true);
    assertThat(decoder.add('a')).isEqualTo("a");
    assertThat(decoder.add(0xF0)).isEmpty();
    assertThat(decoder.add(0x9F)).isEmpty();
    assertThat(decoder.add(SPECIAL)).as("a skipped token changes nothing").isEmpty();
    assertThat(decoder.add(0xA6)).isEmpty();
    assertThat(decoder.add(0x99)).isEqualTo("🦙");
    assertThat(decoder.finish()).isEmpty();
  }

  @Test
  void whatNeverBecameACharacterComesOutAtTheEnd() {
    TextDecoder decoder = BYTES.decoder(true);
    assertThat(decoder.add(0xE4)).isEmpty();
    assertThat(decoder.add(0xBD)).isEmpty();
    assertThat(decoder.finish()).isEqualTo("\uFFFD");
    assertThat(decoder.add('b')).isEqualTo("b");
  }

  @Test
  void specialTokensGiveTheirTextsUnlessSkipped() {
    int[] ids = {'a', SPECIAL, 'b'};
    assertThat(BYTES.decode(ids, false)).isEqualTo("a<|im_end|>b");
    assertThat(BYTES.decode(ids, true)).isEqualTo("ab");
  }

  /** Expected: what Python's bytes.decode('utf-8', 'replace') gives (as numbers of U+FFFD). */
  @ParameterizedTest
  @CsvSource({
    "C0 AF, 2", // No overlong forms:
    "E0 80 80, 3",
    "F0 80 80 80, 4",
    "ED A0 80, 3", // surrogates:
    "F4 90 80 80, 4", // past the last character:
    "F5 80 80 80, 4",
    "E2 82, 1", // starts of characters:
    "F0 9F A6, 1",
    "F0 9F A6 F0 9F A6, 2",
    "E2 82 C3, 2",
    "80 BF, 2", // never the start of one:
    "FF FE, 2",
  })
  void invalidBytesBecomeOneReplacementForEachMaximalSubpart(String bytes, int replacements) {
    int[] ids = Stream.of(bytes.split(" ")).mapToInt(b -> Integer.parseInt(b, 16)).toArray();
    assertThat(BYTES.decode(ids, true)).isEqualTo("\uFFFD".repeat(replacements));
  }

  @Test
  void streamingEqualsDecodingAllBytesAtOnce() {
    Tokenizer tokenizer = Tokenizers.from(VocabularyFiles.gpt2());
    Random random = new Random(17);
    for (int round = 0; round < 500; round++) {
      TextDecoder decoder = tokenizer.decoder(true);
      StringBuilder streamed = new StringBuilder();
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      for (int i = random.nextInt(200); i > 0; i--) {
        // Half of them single bytes and other low ids, which tear characters apart.
        int id = random.nextInt(random.nextBoolean() ? 256 : tokenizer.vocabularySize());
        String text = decoder.add(id);
        assertThat(text.codePoints().filter(c -> c >= 0xD800 && c < 0xE000)).isEmpty();
        streamed.append(text);
        if (!tokenizer.isSpecial(id)) {
          bytes.writeBytes(tokenizer.piece(id));
        }
      }
      streamed.append(decoder.finish());
      assertThat(streamed.toString()).isEqualTo(decode(bytes.toByteArray()));
    }
  }

  /** By the definition: a character, or U+FFFD for the longest start of one, at least a byte. */
  private static String decode(byte[] bytes) {
    StringBuilder text = new StringBuilder();
    int at = 0;
    while (at < bytes.length) {
      int length = 1;
      while (at + length < bytes.length && STARTS.contains(Utf8.key(bytes, at, at + length + 1))) {
        length++;
      }
      String key = Utf8.key(bytes, at, at + length);
      text.append(CHARACTERS.getOrDefault(key, "\uFFFD"));
      at += length;
    }
    return text.toString();
  }

  // All characters by their bytes, and all beginnings of these.
  private static final Map<String, String> CHARACTERS = new HashMap<>();
  private static final Set<String> STARTS = new HashSet<>();

  static {
    for (int c = 0; c <= Character.MAX_CODE_POINT; c++) {
      if (c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE) {
        String character = Character.toString(c);
        String key = Utf8.key(character.getBytes(StandardCharsets.UTF_8));
        CHARACTERS.put(key, character);
        for (int length = 1; length <= key.length(); length++) {
          STARTS.add(key.substring(0, length));
        }
      }
    }
  }
}
