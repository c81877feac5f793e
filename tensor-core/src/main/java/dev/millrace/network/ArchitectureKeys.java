package dev.millrace.network;

import dev.millrace.model.Metadata;
import dev.millrace.model.ModelFormatException;
import java.util.Arrays;
import java.util.Optional;

/**
 * The metadata keys of one architecture ({@code llama.block_count}), read within limits. Errors
 * name the key, what the file has and what is allowed.
 */
record ArchitectureKeys(Metadata metadata, String architecture) {

  String key(String name) {
    return architecture + "." + name;
  }

  int integer(String name, int min, int max) {
    return within(name, metadata.integer(key(name)), min, max);
  }

  int integer(String name, int min, int max, int otherwise) {
    return within(name, metadata.findInteger(key(name)).orElse(otherwise), min, max);
  }

  /** A number that some files give once and others as an array, one per layer, all equal here. */
  Optional<Integer> sameInAllLayers(String name, int min, int max) {
    if (metadata.values().get(key(name)) instanceof int[] perLayer) {
      int[] distinct = Arrays.stream(perLayer).distinct().toArray();
      if (distinct.length != 1) {
        throw bad(name, Arrays.toString(distinct), "the same for all layers");
      }
      return Optional.of(within(name, distinct[0], min, max));
    }
    return metadata.findInteger(key(name)).map(value -> within(name, value, min, max));
  }

  /** A finite number above 0. */
  Optional<Float> positive(String name) {
    Optional<Float> value = metadata.findNumber(key(name));
    value
        .filter(v -> !(v > 0 && v <= Float.MAX_VALUE))
        .ifPresent(
            v -> {
              throw bad(name, v, "a finite number above 0");
            });
    return value;
  }

  /** Refuses a setting that changes the arithmetic in a way that we don't have. */
  void unsupportedUnless(String name, float neutral) {
    Optional<Float> value = metadata.findNumber(key(name));
    if (value.isPresent() && value.get() != neutral) {
      throw bad(name, value.get(), neutral + ": anything else is not supported");
    }
  }

  ModelFormatException bad(String name, Object value, String allowed) {
    return new ModelFormatException(
        "metadata key " + key(name) + ": file has " + value + ", expected " + allowed);
  }

  private int within(String name, int value, int min, int max) {
    if (value < min || value > max) {
      throw bad(name, value, "a number between " + min + " and " + max);
    }
    return value;
  }
}
