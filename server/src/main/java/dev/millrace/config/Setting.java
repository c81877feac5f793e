package dev.millrace.config;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One setting: how it is given, what it means, what it is when it isn't given.
 *
 * @param flag with its dashes: {@code --port}
 * @param environment variable that gives it when the flag isn't there: {@code MILLRACE_PORT}
 * @param placeholder for the value, in help texts: {@code N}
 * @param fallback its text when neither is given; read like any other; empty says that there is no
 *     one text for it, and {@code meaning} says what happens then
 * @param bare its text when the flag is given without a value; empty says that it needs one
 * @param meaning one sentence or two, for help texts
 * @param repeatable whether the flag may be given several times; in the environment, values are
 *     then separated by commas
 */
public record Setting<T>(
    String flag,
    String environment,
    String placeholder,
    String fallback,
    String bare,
    String meaning,
    boolean repeatable,
    Reader<T> reader) {

  /** Reads the texts that were given: exactly one, unless the setting is repeatable. */
  @FunctionalInterface
  public interface Reader<T> {
    /**
     * @throws IllegalArgumentException with what was wrong and what is allowed
     */
    T read(List<String> texts);
  }

  /** What {@code --help} says: meaning, default and environment variable. */
  public String help() {
    String otherwise = fallback.isEmpty() ? "" : "default " + fallback + "; ";
    return meaning + " (" + otherwise + "environment: " + environment + ")";
  }

  /**
   * The setting's value: from flags, else from the environment, else the fallback.
   *
   * @param flags the texts given for each flag
   * @throws InvalidSettingException naming the flag or the variable
   */
  public T value(Map<String, List<String>> flags, Map<String, String> environmentVariables) {
    return given(flags, environmentVariables)
        .orElseGet(() -> read(flag, fallback.isEmpty() ? List.of() : List.of(fallback)));
  }

  /** As {@link #value}, but empty where neither a flag nor the environment gives it. */
  public Optional<T> given(
      Map<String, List<String>> flags, Map<String, String> environmentVariables) {
    List<String> texts = flags.getOrDefault(flag, List.of());
    if (!texts.isEmpty()) {
      if (texts.size() > 1 && !repeatable) {
        throw new InvalidSettingException(flag, "given " + texts.size() + " times");
      }
      return Optional.of(read(flag, texts));
    }
    String variable = environmentVariables.getOrDefault(environment, "");
    if (variable.isBlank()) {
      return Optional.empty();
    }
    List<String> parts = repeatable ? List.of(variable.split(",")) : List.of(variable);
    return Optional.of(read(environment, parts));
  }

  private T read(String source, List<String> texts) {
    try {
      return reader.read(texts.stream().map(String::strip).toList());
    } catch (IllegalArgumentException e) {
      throw new InvalidSettingException(source, String.valueOf(e.getMessage()));
    }
  }
}
