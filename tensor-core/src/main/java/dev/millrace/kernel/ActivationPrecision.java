package dev.millrace.kernel;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * What activations are rounded to before they meet quantized weights. A block of 32 has one scale,
 * largest magnitude over {@link #largest}, so that its values fill the type symmetrically.
 */
public enum ActivationPrecision {
  /** For throughput: nearly all of an answer's distance from float32 activations is this. */
  INT8(127),
  /** For answers as good as those of float32 activations; products take about twice as long. */
  INT16(32_767);

  private final int largest;

  ActivationPrecision(int largest) {
    this.largest = largest;
  }

  /** The largest magnitude of a rounded value. */
  public int largest() {
    return largest;
  }

  /** "int8", "int16". */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The names that {@link #named} knows. */
  public static List<String> names() {
    return Arrays.stream(values()).map(ActivationPrecision::toString).toList();
  }

  /**
   * @throws IllegalArgumentException if there is none of that name
   */
  public static ActivationPrecision named(String name) {
    return valueOf(name.toUpperCase(Locale.ROOT));
  }
}
