package dev.millrace.model;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A model's metadata: keys and values as GGUF has them. Values are Boolean, Long (all integer
 * types; uint64 above Long.MAX_VALUE is refused by the reader), Double (f32 and f64), String, int[]
 * (up to int32), long[] (uint32 and up), float[], List&lt;String&gt;, or other arrays as
 * List&lt;Object&gt;. Arrays are not to be changed.
 *
 * <p>Getters throw {@link ModelFormatException} naming the key when a value has another type or
 * doesn't fit, or a required key is missing.
 */
public record Metadata(Map<String, Object> values) {

  public boolean has(String key) {
    return values.containsKey(key);
  }

  public String string(String key) {
    return required(key, String.class);
  }

  public Optional<String> findString(String key) {
    return find(key, String.class);
  }

  public boolean bool(String key, boolean otherwise) {
    return find(key, Boolean.class).orElse(otherwise);
  }

  public int integer(String key) {
    return toInt(key, required(key, Long.class));
  }

  public Optional<Integer> findInteger(String key) {
    return find(key, Long.class).map(v -> toInt(key, v));
  }

  /** As {@link #findInteger}, for numbers that needn't fit an int. */
  public Optional<Long> findLong(String key) {
    return find(key, Long.class);
  }

  public Optional<Float> findNumber(String key) {
    Object value = values.get(key);
    if (value instanceof Long whole) {
      return Optional.of((float) (long) whole);
    }
    return find(key, Double.class).map(Double::floatValue);
  }

  public List<String> strings(String key) {
    List<?> list = required(key, List.class);
    for (Object each : list) {
      if (!(each instanceof String)) {
        throw wrongType(key, "an array of strings", each);
      }
    }
    @SuppressWarnings("unchecked")
    List<String> strings = (List<String>) list;
    return strings;
  }

  public Optional<int[]> findInts(String key) {
    if (values.get(key) instanceof long[] longs) {
      return Optional.of(Arrays.stream(longs).mapToInt(v -> toInt(key, v)).toArray());
    }
    return find(key, int[].class);
  }

  public Optional<float[]> findFloats(String key) {
    return find(key, float[].class);
  }

  private <T> T required(String key, Class<T> type) {
    return find(key, type)
        .orElseThrow(() -> new ModelFormatException("metadata key " + key + " is missing"));
  }

  private <T> Optional<T> find(String key, Class<T> type) {
    Object value = values.get(key);
    if (value == null) {
      return Optional.empty();
    }
    if (!type.isInstance(value)) {
      throw wrongType(key, type.getSimpleName(), value);
    }
    return Optional.of(type.cast(value));
  }

  private static int toInt(String key, long value) {
    if (value < Integer.MIN_VALUE || value > Integer.MAX_VALUE) {
      throw new ModelFormatException("metadata key " + key + ": " + value + " is out of range");
    }
    return (int) value;
  }

  private static ModelFormatException wrongType(String key, String wanted, Object value) {
    return new ModelFormatException(
        "metadata key "
            + key
            + ": expected "
            + wanted
            + ", file has "
            + value.getClass().getSimpleName());
  }
}
