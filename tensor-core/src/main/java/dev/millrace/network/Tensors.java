package dev.millrace.network;

import dev.millrace.model.ModelFile;
import dev.millrace.model.ModelFormatException;
import dev.millrace.model.TensorData;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A file's tensors taken by name, each checked against the shape that the network needs. What
 * nobody took is refused at the end: a network that leaves a tensor out computes something else.
 */
final class Tensors {
  private static final ValueLayout.OfShort LITTLE_SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt LITTLE_INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final ModelFile file;
  private final Set<String> taken = new HashSet<>();

  Tensors(ModelFile file) {
    this.file = file;
  }

  boolean has(String name) {
    return file.find(name).isPresent();
  }

  /** Counts a tensor as taken that the configuration was made from. */
  void takenByConfig(String name) {
    taken.add(name);
  }

  /** A weight matrix [outputs, inputs]. */
  TensorData matrix(String name, int outputs, int inputs) {
    return ofWholeBlocks(take(name, List.of((long) outputs, (long) inputs)));
  }

  /**
   * A weight matrix with a row for each token of a vocabulary. Files may have more rows than
   * tokens, so that they can be split evenly: that padding is left out.
   */
  TensorData ofVocabulary(String name, int tokens, int inputs) {
    Optional<TensorData> padded =
        file.find(name)
            .filter(tensor -> tensor.shape().size() == 2)
            .filter(tensor -> tensor.shape().getFirst() > tokens)
            .filter(tensor -> tensor.shape().getLast() == inputs);
    if (padded.isEmpty()) {
      return matrix(name, tokens, inputs);
    }
    taken.add(name);
    TensorData tensor = padded.get();
    List<Long> shape = List.of((long) tokens, (long) inputs);
    return ofWholeBlocks(new TensorData(name, tensor.type(), shape, tensor.content()));
  }

  private static TensorData ofWholeBlocks(TensorData matrix) {
    long inputs = matrix.shape().getLast();
    int block = matrix.type().blockSize();
    if (inputs % block != 0) {
      throw new ModelFormatException(
          "tensor %s: rows of %d values aren't whole blocks of %d (%s)"
              .formatted(matrix.name(), inputs, block, matrix.type()));
    }
    return matrix;
  }

  /** A list of numbers: F32, F16 or BF16. */
  List<Float> list(String name, int length) {
    TensorData tensor = take(name, List.of((long) length));
    if (tensor.type().isQuantized()) {
      throw new ModelFormatException(
          "tensor " + name + ": expected F32, F16 or BF16, file has " + tensor.type());
    }
    MemorySegment data = tensor.data();
    List<Float> values = new ArrayList<>(length);
    for (int i = 0; i < length; i++) {
      values.add(number(data, tensor.type(), i));
    }
    return values;
  }

  private static float number(MemorySegment data, ElementType type, int index) {
    return switch (type) {
      case F32 -> Float.intBitsToFloat(data.get(LITTLE_INT, 4L * index));
      case F16 -> Float.float16ToFloat(data.get(LITTLE_SHORT, 2L * index));
      case BF16 -> Float.intBitsToFloat(data.get(LITTLE_SHORT, 2L * index) << 16);
      default -> throw new IllegalArgumentException(type + " has no single numbers");
    };
  }

  private TensorData take(String name, List<Long> shape) {
    TensorData tensor =
        file.find(name)
            .orElseThrow(
                () ->
                    new ModelFormatException("tensor " + name + " is missing; expected " + shape));
    if (!tensor.shape().equals(shape)) {
      throw new ModelFormatException(
          "tensor " + name + ": expected " + shape + ", file has " + tensor.shape());
    }
    taken.add(name);
    return tensor;
  }

  /** Refuses a file with tensors that nobody took. */
  void refuseOthers() {
    for (String name : file.tensors().keySet()) {
      if (!taken.contains(name)) {
        throw new ModelFormatException(
            name.endsWith(".bias")
                ? "tensor " + name + ": biases are not supported in this architecture"
                : "tensor " + name + " is not a part of this architecture");
      }
    }
  }
}
