package dev.millrace.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class StopMatcherTest {

  /** The longest stop at the text's end, the obvious way. */
  private static int naiveStop(String text, List<String> stops) {
    return IntStream.range(0, stops.size())
        .filter(i -> text.endsWith(stops.get(i)))
        .boxed()
        .max((a, b) -> Integer.compare(stops.get(a).length(), stops.get(b).length()))
        .orElse(StopMatcher.NONE);
  }

  /** How long the longest end of the text is that begins a longer stop, the obvious way. */
  private static int naiveHeld(String text, List<String> stops) {
    return IntStream.rangeClosed(0, text.length())
        .filter(
            length -> {
              String end = text.substring(text.length() - length);
              return stops.stream().anyMatch(s -> s.startsWith(end) && s.length() > length);
            })
        .max()
        .orElse(0);
  }

  private static String random(Random random, int atMost) {
    return random
        .ints(1 + random.nextInt(atMost), 'a', 'c')
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString();
  }

  @Test
  void findsAndHoldsBackJustWhatASearchOfTheWholeTextDoes() {
    for (int seed = 0; seed < 3_000; seed++) {
      Random random = new Random(seed);
      List<String> stops =
          Stream.generate(() -> random(random, 6)).limit(1 + random.nextInt(4)).distinct().toList();
      String text = random(random, 60);
      StopMatcher matcher = new StopMatcher(stops);
      for (int i = 1; i <= text.length(); i++) {
        String read = text.substring(0, i);
        String where = "seed %d, stops %s, text %s".formatted(seed, stops, read);
        assertThat(matcher.next(text.charAt(i - 1))).as(where).isEqualTo(naiveStop(read, stops));
        assertThat(matcher.held()).as(where).isEqualTo(naiveHeld(read, stops));
      }
    }
  }

  @Test
  void readsALongTextInLinearTime() {
    StopMatcher matcher = new StopMatcher(List.of("a".repeat(10_000) + "b"));
    for (int i = 0; i < 2_000_000; i++) { // a minute, if every a were compared with all of the stop
      assertThat(matcher.next('a')).isEqualTo(StopMatcher.NONE);
    }
    assertThat(matcher.held()).isEqualTo(10_000);
    assertThat(matcher.next('b')).isZero();
  }

  @Test
  void refusesAnEmptyStop() {
    assertThatThrownBy(() -> new StopMatcher(List.of("a", "")))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
