package dev.millrace.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import java.math.BigDecimal;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonReaderTest {
  private static final Gson GSON =
      new GsonBuilder()
          .setStrictness(Strictness.STRICT)
          .serializeNulls()
          .setObjectToNumberStrategy(in -> new BigDecimal(in.nextString()).stripTrailingZeros())
          .create();
  private static final String PIECES = "{}[]\",:0123456789.-+eE\\u/bfnrt alsy\u00e9\n";

  @ParameterizedTest
  @ValueSource(
      strings = {
        " {\"a\": [1, -0.5e+3, true, false, null], \"\": {}} ",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"",
        "[[], [[]], {\"b\": {\"a\": 1}}]",
        "0",
        "-0",
        "1E300"
      })
  void aDocumentIsReadAsGsonReadsIt(String document) {
    assertThat(gson(JsonReader.read(document).toJson())).isEqualTo(gson(document));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "``|at character 0: the text ends early",
        "[1,]|at character 3: unexpected ']'",
        "{\"a\":1,\"a\":2}|at character 7: the member \"a\" is there twice",
        "[1] 2|at character 4: text behind the document's end",
        "01|at character 1: text behind the document's end",
        "nul|at character 0: unexpected 'n'",
        "\"\\ud800\"|at character 8: a string with half of a surrogate pair",
        "\"\\x\"|at character 3: no escape of JSON's: \\x",
        "1e401|at character 5: a number whose exponent is beyond 400",
        "1e99999999999|at character 13: a number whose exponent is beyond 400",
        "NaN|at character 0: unexpected 'N'",
      })
  void whatIsWrongIsSaidWithItsPlace(String document, String message) {
    assertThatThrownBy(() -> JsonReader.read(document))
        .isInstanceOf(JsonException.class)
        .hasMessage(message);
  }

  @Test
  void nestingIsLimited() {
    int most = JsonReader.MAX_DEPTH;
    assertThat(JsonReader.read("[".repeat(most) + "]".repeat(most))).isNotNull();
    assertThatThrownBy(() -> JsonReader.read("[".repeat(1_000_000)))
        .isInstanceOf(JsonException.class)
        .hasMessageContaining("nested deeper than the " + most + " levels");
  }

  /** What we take, gson takes, and understands in the same way. */
  @Test
  void nothingIsReadThatIsNoDocument() {
    Random random = new Random(1);
    int read = 0;
    for (int i = 0; i < 300_000; i++) {
      StringBuilder text = new StringBuilder();
      for (int length = 1 + random.nextInt(8); length > 0; length--) {
        text.append(PIECES.charAt(random.nextInt(PIECES.length())));
      }
      Optional<JsonValue> value = ours(text.toString());
      if (value.isPresent()) {
        assertThat(gson(value.get().toJson())).as("%s", text).isEqualTo(gson(text.toString()));
        read++;
      }
    }
    assertThat(read).isGreaterThan(3_000);
  }

  private static Optional<JsonValue> ours(String document) {
    try {
      return Optional.of(JsonReader.read(document));
    } catch (JsonException e) {
      return Optional.empty();
    }
  }

  private static String gson(String document) {
    try {
      return GSON.toJson(GSON.fromJson(document, Object.class));
    } catch (JsonParseException e) {
      throw new AssertionError("gson doesn't take " + document, e);
    }
  }
}
