package dev.millrace.trace;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.zip.ZipFile;

/**
 * How two traces compare: tensors of the same name, in the first one's order.
 *
 * @param compared tensors that were compared: up to the first that differs
 * @param first the first that differs
 * @param onlyInA names that the other doesn't have
 */
public record NpzDifference(
    int compared, Optional<Tensor> first, List<String> onlyInA, List<String> onlyInB) {

  /** A tensor that differs. */
  public sealed interface Tensor {
    String name();
  }

  /** Sizes of 1 in front left out. */
  public record Shapes(String name, List<Long> a, List<Long> b) implements Tensor {}

  /**
   * @param differing how many of all values
   * @param largest difference; infinite where only one is finite or a number
   * @param relative that, by the largest magnitude in a
   * @param at index of the largest difference, by dimension
   * @param valueA what stands there
   */
  public record Values(
      String name,
      long differing,
      long all,
      double largest,
      double relative,
      List<Long> at,
      double valueA,
      double valueB)
      implements Tensor {}

  /**
   * Compares two files.
   *
   * @param tolerance of differences, by the largest magnitude in a's tensor; at 0, bits must agree
   * @throws IOException if a file can't be read, or holds what isn't a tensor
   */
  public static NpzDifference of(Path a, Path b, double tolerance) throws IOException {
    try (ZipFile zipA = new ZipFile(a.toFile());
        ZipFile zipB = new ZipFile(b.toFile())) {
      Set<String> both = names(zipA);
      List<String> onlyInB = new ArrayList<>(names(zipB));
      onlyInB.removeAll(both);
      both.retainAll(names(zipB));
      List<String> onlyInA = new ArrayList<>(names(zipA));
      onlyInA.removeAll(both);
      if (both.isEmpty()) {
        throw new IOException(a + " and " + b + " have no tensor in common");
      }
      int compared = 0;
      for (String name : both) {
        compared++;
        Optional<Tensor> difference = compare(name, zipA, zipB, tolerance);
        if (difference.isPresent()) {
          return new NpzDifference(compared, difference, onlyInA, onlyInB);
        }
      }
      return new NpzDifference(compared, Optional.empty(), onlyInA, onlyInB);
    }
  }

  private static Set<String> names(ZipFile zip) {
    Set<String> names = new LinkedHashSet<>();
    zip.stream()
        .map(entry -> entry.getName())
        .filter(name -> name.endsWith(Npy.SUFFIX))
        .forEach(name -> names.add(name.substring(0, name.length() - Npy.SUFFIX.length())));
    return names;
  }

  private static Optional<Tensor> compare(String name, ZipFile a, ZipFile b, double tolerance)
      throws IOException {
    try (Npy.Reader readerA = open(a, name);
        Npy.Reader readerB = open(b, name)) {
      if (!readerA.shape().equals(readerB.shape())) {
        return Optional.of(new Shapes(name, readerA.shape(), readerB.shape()));
      }
      return values(name, readerA, readerB)
          .filter(values -> !(values.relative() <= tolerance) || tolerance == 0)
          .map(Tensor.class::cast);
    } catch (IOException e) {
      throw new IOException("tensor " + name + ": " + e.getMessage(), e);
    }
  }

  private static Npy.Reader open(ZipFile zip, String name) throws IOException {
    return new Npy.Reader(zip.getInputStream(zip.getEntry(name + Npy.SUFFIX)));
  }

  /** Empty if no value differs. */
  private static Optional<Values> values(String name, Npy.Reader a, Npy.Reader b)
      throws IOException {
    long all = a.shape().stream().reduce(1L, Math::multiplyExact);
    long differing = 0;
    double magnitude = 0;
    double largest = -1;
    long at = 0;
    double valueA = 0;
    double valueB = 0;
    for (long i = 0; i < all; i++) {
      double x = a.next();
      double y = b.next();
      magnitude = Double.isFinite(x) ? Math.max(magnitude, Math.abs(x)) : magnitude;
      if (Double.compare(x, y) != 0) { // all NaNs are one to it, and the zeros two
        differing++;
        double difference = Math.abs(x - y);
        difference = Double.isNaN(difference) ? Double.POSITIVE_INFINITY : difference;
        if (difference > largest) {
          largest = difference;
          at = i;
          valueA = x;
          valueB = y;
        }
      }
    }
    if (differing == 0) {
      return Optional.empty();
    }
    double relative = largest == 0 ? 0 : largest / magnitude;
    return Optional.of(
        new Values(name, differing, all, largest, relative, index(at, a.shape()), valueA, valueB));
  }

  private static List<Long> index(long at, List<Long> shape) {
    List<Long> index = new ArrayList<>();
    long rest = at;
    for (long size : shape.reversed()) {
      index.addFirst(rest % size);
      rest /= size;
    }
    return index;
  }
}
