package dev.millrace.network;

import dev.millrace.kernel.Weights;
import dev.millrace.memory.MachineMemory;
import dev.millrace.model.ModelFormatException;
import dev.millrace.model.TensorData;
import dev.millrace.tensor.Dim;
import dev.millrace.tensor.Dim.Ffn;
import dev.millrace.tensor.Dim.Hidden;
import dev.millrace.tensor.Dim.Vocab;
import dev.millrace.tensor.Matrix;
import dev.millrace.tensor.Size;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * Makes layers of a file's tensors: checks shapes first, then has the kernels pack all weights, a
 * tensor a time on each of the team's threads.
 */
final class LayerLoader {
  private final Tensors tensors;
  private final Backend backend;
  private final Arena arena;
  private final List<Packing> packings = new ArrayList<>();
  private boolean quantized;
  private final AtomicLong packedBytes = new AtomicLong();

  /** A tensor that is yet to be packed, and who waits for it. */
  private record Packing(TensorData tensor, Consumer<Weights> taker) {}

  LayerLoader(Tensors tensors, Backend backend, Arena arena) {
    this.tensors = tensors;
    this.backend = backend;
    this.arena = arena;
  }

  <In extends Dim, Out extends Dim> Linear<In, Out> linear(
      String name, Size<In> in, Size<Out> out) {
    Linear<In, Out> linear = new Linear<>(backend);
    weights(tensors.matrix(name, out.value(), in.value()), linear::take);
    return linear;
  }

  SwiGlu swiGlu(String gate, String up, Size<Hidden> in, Size<Ffn> out) {
    return new SwiGlu(backend, linear(gate, in, out), linear(up, in, out));
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
    Embedding embedding = new Embedding(backend);
    weights(tensors.ofVocabulary(name, vocabulary.value(), hidden.value()), embedding::take);
    return embedding;
  }

  /** The network's last matrix: a row for each token. */
  Linear<Hidden, Vocab> head(String name, Size<Hidden> hidden, Size<Vocab> vocabulary) {
    Linear<Hidden, Vocab> head = new Linear<>(backend);
    weights(tensors.ofVocabulary(name, vocabulary.value(), hidden.value()), head::take);
    return head;
  }

  private void weights(TensorData tensor, Consumer<Weights> taker) {
    quantized |= tensor.type().isQuantized();
    packings.add(new Packing(tensor, taker));
  }

  /**
   * Packs what was asked for so far, the largest first, and gives it to its layers.
   *
   * @throws ModelFormatException if that is more than the machine's memory
   */
  void pack() {
    requireMemory();
    packings.sort(Comparator.comparingLong((Packing p) -> p.tensor.bytes()).reversed());
    AtomicInteger next = new AtomicInteger();
    backend
        .team()
        .run(
            (part, parts) -> {
              for (int i; (i = next.getAndIncrement()) < packings.size(); ) {
                pack(packings.get(i));
              }
            });
    packings.clear();
  }

  private void requireMemory() {
    long bytes = packings.stream().mapToLong(packing -> packing.tensor.bytes()).sum();
    if (bytes > MachineMemory.bytes()) {
      throw new ModelFormatException(
          "weights take %d MiB of memory, the machine has %d"
              .formatted(bytes >> 20, MachineMemory.bytes() >> 20));
    }
  }

  private void pack(Packing packing) {
    try (TensorRows rows = new TensorRows(packing.tensor)) {
      Weights weights = backend.kernels().pack(rows, arena);
      packedBytes.addAndGet(weights.bytes());
      packing.taker.accept(weights);
    }
  }

  /** Bytes of all weights so far, as the kernels have them. */
  long packedBytes() {
    return packedBytes.get();
  }

  /** Whether any weights so far are quantized. */
  boolean quantized() {
    return quantized;
  }
}
