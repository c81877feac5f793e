package dev.millrace.network;

import dev.millrace.kernel.WeightSource;
import dev.millrace.model.TensorData;
import dev.millrace.tensor.ElementType;
import dev.millrace.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A matrix of a model file, for the kernels to pack. Of it and what is made of it, one stays. */
final class TensorRows implements WeightSource, AutoCloseable {
  private final TensorData tensor;
  private final Arena scratchArena = Arena.ofConfined();
  private MemorySegment scratch = MemorySegment.NULL; // made when a panel needs it, then reused
  private MemorySegment panel = MemorySegment.NULL;

  TensorRows(TensorData tensor) {
    this.tensor = tensor;
  }

  @Override
  public String name() {
    return tensor.name();
  }

  @Override
  public ElementType type() {
    return tensor.type();
  }

  @Override
  public int rows() {
    return Math.toIntExact(tensor.shape().getFirst());
  }

  @Override
  public int columns() {
    return Math.toIntExact(tensor.shape().getLast());
  }

  @Override
  public MemorySegment read(int from, int to) {
    release();
    long rowBytes = tensor.rowBytes();
    panel = tensor.content().read(from * rowBytes, (to - from) * rowBytes, this::scratch);
    return panel;
  }

  private MemorySegment scratch(long bytes, long alignment) {
    if (scratch.byteSize() < bytes) {
      scratch = scratchArena.allocate(bytes, Math.max(alignment, Matrix.ALIGNMENT));
    }
    return scratch.asSlice(0, bytes);
  }

  /** A mapped file's pages needn't stay resident. */
  private void release() {
    if (panel.isMapped()) {
      panel.unload();
    }
    panel = MemorySegment.NULL;
  }

  @Override
  public void close() {
    release();
    scratchArena.close();
  }
}
