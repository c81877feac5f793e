package dev.millrace.model;

import dev.millrace.tensor.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A tensor as a model file stores it.
 *
 * @param name as in the file, by GGUF's conventions: {@code blk.3.attn_q.weight}
 * @param shape outermost dimension first: a weight that maps in to out features is [out, in]
 * @param content {@link #bytes()} of them, row after row
 */
public record TensorData(String name, ElementType type, List<Long> shape, TensorContent content) {

  /** A tensor that lies in memory. */
  public TensorData(String name, ElementType type, List<Long> shape, MemorySegment data) {
    this(name, type, shape, TensorContent.of(data));
  }

  public long elements() {
    return shape.stream().reduce(1L, Math::multiplyExact);
  }

  public long bytes() {
    return type.bytes(elements());
  }

  /** Bytes of one of its rows: of all of it, where it has one dimension. */
  public long rowBytes() {
    return type.bytes(shape.getLast());
  }

  /** All of it at once, maybe made anew by each call: for small tensors. */
  public MemorySegment data() {
    return content.read(0, bytes(), Arena.ofAuto());
  }
}
