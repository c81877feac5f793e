package dev.millrace.network;

import dev.millrace.kernel.Weights;
import dev.millrace.model.TensorData;
import dev.millrace.tensor.Dim;
import dev.millrace.tensor.Dim.Hidden;
import dev.millrace.tensor.Dim.Vocab;
import dev.millrace.tensor.Matrix;
import dev.millrace.tensor.Size;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Makes layers of a file's tensors: checks shapes, and has the kernels pack the weights. */
final class LayerLoader {
  private final Tensors tensors;
  private final Backend backend;
  private final Arena arena;
  private boolean quantized;
  private long packedBytes;

  LayerLoader(Tensors tensors, Backend backend, Arena arena) {
    this.tensors = tensors;
    this.backend = backend;
    this.arena = arena;
  }

  <In extends Dim, Out extends Dim> Linear<In, Out> linear(
      String name, Size<In> in, Size<Out> out) {
    return new Linear<>(backend, weights(name, out, in));
  }

  <C extends Dim> RmsNorm<C> norm(String name, Size<C> features, float epsilon) {
    List<Float> values = tensors.list(name, features.value());
    MemorySegment weight = arena.allocate((long) values.size() * Float.BYTES, Matrix.ALIGNMENT);
    for (int i = 0; i < values.size(); i++) {
      weight.setAtIndex(ValueLayout.JAVA_FLOAT, i, values.get(i));
    }
    return new RmsNorm<>(backend, weight, epsilon);
  }

  Embedding embedding(String name, Size<Vocab> vocabulary, Size<Hidden> hidden) {
    return new Embedding(backend, weights(name, vocabulary, hidden));
  }

  /** Weights [rows, columns]. */
  private Weights weights(String name, Size<?> rows, Size<?> columns) {
    TensorData tensor = tensors.matrix(name, rows.value(), columns.value());
    quantized |= tensor.type().isQuantized();
    Weights weights =
        backend.kernels().pack(tensor.type(), tensor.data(), rows.value(), columns.value(), arena);
    packedBytes += weights.bytes();
    return weights;
  }

  /** Bytes of all weights so far, as the kernels have them. */
  long packedBytes() {
    return packedBytes;
  }

  /** Whether any weights so far are quantized. */
  boolean quantized() {
    return quantized;
  }
}
