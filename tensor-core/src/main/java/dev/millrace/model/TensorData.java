package dev.millrace.model;

import dev.millrace.tensor.ElementType;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A tensor as a model file stores it.
 *
 * @param name as in the file, by GGUF's conventions: {@code blk.3.attn_q.weight}
 * @param shape outermost dimension first: a weight that maps in to out features is [out, in]
 * @param data exactly {@code type.bytes(elements)} bytes, row after row
 */
public record TensorData(String name, ElementType type, List<Long> shape, MemorySegment data) {}
