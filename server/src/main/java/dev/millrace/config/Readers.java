package dev.millrace.config;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** How the texts of settings are read and checked. */
final class Readers {
  private static final Map<String, Long> UNIT_MILLIS = Map.of("ms", 1L, "s", 1_000L, "m", 60_000L);

  private Readers() {}

  static Setting.Reader<Integer> integer(int least, int most) {
    return one(
        text -> {
          try {
            int value = Integer.parseInt(text);
            if (value >= least && value <= most) {
              return value;
            }
          } catch (NumberFormatException e) {
            // Said below, with what is allowed.
          }
          throw new IllegalArgumentException(
              quoted(text) + ", allowed is a whole number from " + least + " to " + most);
        });
  }

  /** A whole number with its unit: 500ms, 30s, 2m. */
  static Setting.Reader<Duration> duration(Duration least, Duration most) {
    return one(
        text -> {
          int digits = 0;
          while (digits < text.length() && Character.digit(text.charAt(digits), 10) >= 0) {
            digits++;
          }
          Long unit = UNIT_MILLIS.get(text.substring(digits));
          if (unit != null && digits > 0 && digits <= 9) {
            Duration value = Duration.ofMillis(Integer.parseInt(text.substring(0, digits)) * unit);
            if (value.compareTo(least) >= 0 && value.compareTo(most) <= 0) {
              return value;
            }
          }
          throw new IllegalArgumentException(
              quoted(text)
                  + ", allowed is a time with its unit (ms, s or m) from "
                  + least.toMillis()
                  + "ms to "
                  + most.toMillis()
                  + "ms");
        });
  }

  static Setting.Reader<String> oneOf(List<String> allowed) {
    return oneOf(allowed, Function.identity());
  }

  /** One of some names, and what it stands for. */
  static <T> Setting.Reader<T> oneOf(List<String> allowed, Function<String, T> meaning) {
    return one(
        text -> {
          if (!allowed.contains(text)) {
            throw new IllegalArgumentException(
                quoted(text) + ", allowed are " + String.join(", ", allowed));
          }
          return meaning.apply(text);
        });
  }

  static Setting.Reader<String> text() {
    return one(Function.identity());
  }

  /** A leading ~ is the user's home, as in a shell: variables aren't always set by one. */
  static Setting.Reader<Path> path() {
    return one(
        text ->
            text.equals("~") || text.startsWith("~/")
                ? Path.of(System.getProperty("user.home") + text.substring(1))
                : Path.of(text));
  }

  /** An empty text is none: that's how a default from elsewhere is turned off. */
  static Setting.Reader<Optional<Path>> optionalPath() {
    return texts ->
        texts.isEmpty() || texts.getFirst().isEmpty()
            ? Optional.empty()
            : Optional.of(path().read(texts));
  }

  static Setting.Reader<List<String>> texts() {
    return texts -> {
      if (texts.stream().anyMatch(String::isEmpty)) {
        throw new IllegalArgumentException("one of its values is empty");
      }
      return texts;
    };
  }

  private static <T> Setting.Reader<T> one(Function<String, T> reader) {
    return texts -> {
      if (texts.getFirst().isEmpty()) {
        throw new IllegalArgumentException("its value is empty");
      }
      return reader.apply(texts.getFirst());
    };
  }

  private static String quoted(String text) {
    return "\"" + text + "\"";
  }
}
