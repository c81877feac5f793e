package dev.millrace.engine;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.GenerationEvent.Delta;
import dev.millrace.engine.GenerationEvent.FinishReason;
import dev.millrace.sampling.SampledToken;
import java.io.ByteArrayOutputStream;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Random tokens, parts of characters among them, with random stops: after each token, what was told
 * is what a search of the whole text so far lets out, no less and no more.
 */
class StopsPropertyTest {
  private static final FakeTokenizer TOKENIZER = new FakeTokenizer();
  private static final List<String> STOPS =
      List.of("ab", "bb", "aab", "abc", "bca", "c😀", "é", "éa", "😀a", "\n", "\uFFFD", "aaaa");

  @Test
  void whatIsToldIsWhatASearchOfTheWholeTextLetsOut() {
    for (int seed = 0; seed < 2_000; seed++) {
      Random random = new Random(seed);
      List<String> stops =
          Stream.generate(() -> STOPS.get(random.nextInt(STOPS.size())))
              .limit(random.nextInt(4))
              .distinct()
              .toList();
      boolean include = random.nextInt(3) == 0;
      int minTokens = random.nextInt(6);
      check(random, stops, include, minTokens, "seed %d, stops %s".formatted(seed, stops));
    }
  }

  private static void check(
      Random random, List<String> stops, boolean include, int minTokens, String where) {
    Completion completion =
        new Completion(
            Requests.request()
                .stops(stops.toArray(String[]::new))
                .includeStop(include)
                .minTokens(minTokens)
                .maxTokens(40)
                .build(),
            0,
            TOKENIZER,
            1_000);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    StringBuilder told = new StringBuilder();
    int searched = 0; // characters that can't complete a stop any more
    for (int count = 1; completion.reason() == null; count++) {
      int id = 2 + random.nextInt(TOKENIZER.vocabularySize() - 2);
      bytes.writeBytes(TOKENIZER.piece(id));
      completion.accept(new SampledToken(id, Float.NaN, 0, List.of()));
      completion.takeDelta().map(Delta::text).ifPresent(told::append);

      String text = whole(bytes.toByteArray());
      Optional<String> stop = count > minTokens ? first(text, searched, stops) : Optional.empty();
      if (stop.isPresent()) {
        assertThat(completion.reason()).as(where).isEqualTo(FinishReason.STOP_SEQUENCE);
        assertThat(completion.finished().stopText()).as(where).isEqualTo(stop.get());
        int end = endOfFirst(text, searched, stops);
        assertThat(told.toString())
            .as(where)
            .isEqualTo(text.substring(0, include ? end : end - stop.get().length()));
      } else if (completion.reason() == null) {
        int held = include ? 0 : held(text, stops);
        assertThat(told.toString()).as(where).isEqualTo(text.substring(0, text.length() - held));
      } else {
        assertThat(completion.reason()).as(where).isEqualTo(FinishReason.MAX_TOKENS);
        assertThat(told.toString()).as(where).isEqualTo(new String(bytes.toByteArray(), UTF_8));
      }
      searched = text.length();
    }
  }

  /** The characters that are complete, or broken for good: the JDK's decoder says which are not. */
  private static String whole(byte[] bytes) {
    String text = new String(bytes, UTF_8);
    for (int cut = 1; cut <= 3 && cut <= bytes.length; cut++) {
      int from = bytes.length - cut;
      int lead = bytes[from] & 0xFF;
      int length = lead >= 0xF0 && lead <= 0xF4 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 1;
      boolean open = lead <= 0xF4 && length > cut && isOneReplacement(bytes, from);
      if (open) {
        return new String(bytes, 0, from, UTF_8);
      }
    }
    return text;
  }

  /** A start of a character is replaced as one; what isn't one, byte by byte. */
  private static boolean isOneReplacement(byte[] bytes, int from) {
    return new String(bytes, from, bytes.length - from, UTF_8).equals("\uFFFD");
  }

  private static int endOfFirst(String text, int searched, List<String> stops) {
    for (int end = searched + 1; end <= text.length(); end++) {
      String read = text.substring(0, end);
      if (stops.stream().anyMatch(read::endsWith)) {
        return end;
      }
    }
    return -1;
  }

  /** The longest of those that are complete first. */
  private static Optional<String> first(String text, int searched, List<String> stops) {
    int end = endOfFirst(text, searched, stops);
    if (end < 0) {
      return Optional.empty();
    }
    String read = text.substring(0, end);
    return stops.stream()
        .filter(read::endsWith)
        .max((a, b) -> Integer.compare(a.length(), b.length()));
  }

  /** How much of the text's end begins a stop. */
  private static int held(String text, List<String> stops) {
    int most = 0;
    for (String stop : stops) {
      for (int length = 1; length < stop.length(); length++) {
        if (text.endsWith(stop.substring(0, length))) {
          most = Math.max(most, length);
        }
      }
    }
    return most;
  }
}
