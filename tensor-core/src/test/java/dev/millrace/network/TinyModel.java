package dev.millrace.network;

import dev.millrace.model.Metadata;
import dev.millrace.model.ModelFile;
import dev.millrace.model.TensorData;
import dev.millrace.synthetic.SyntheticModels;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * synthetic:tiny (2 layers, 4 query heads on 2 key-value heads of 16 features, 320 tokens), open to
 * any distortion; synthetic:small in types whose blocks are wider than that.
 */
final class TinyModel implements ModelFile {
  static final int VOCABULARY = 320;
  private static final int HIDDEN = 64;
  private static final int HEAD_DIM = 16;

  private final ModelFile original;
  private final Map<String, Object> metadata;
  private final Map<String, TensorData> tensors;

  TinyModel() {
    this(ElementType.F32);
  }

  TinyModel(ElementType type) {
    String shape = type.hasSubScales() ? "small" : "tiny"; // of whole blocks
    original = SyntheticModels.open(shape, Optional.of(type.name()));
    metadata = new LinkedHashMap<>(original.metadata().values());
    tensors = new LinkedHashMap<>(original.tensors());
  }

  TinyModel with(String key, Object value) {
    metadata.put(key, value);
    return this;
  }

  TinyModel with(TensorData tensor) {
    tensors.put(tensor.name(), tensor);
    return this;
  }

  TinyModel without(String keyOrTensor) {
    metadata.remove(keyOrTensor);
    tensors.remove(keyOrTensor);
    return this;
  }

  /** Takes some query heads' weights for keys and values too. */
  TinyModel withKvHeads(int count) {
    for (String layer : List.of("blk.0.", "blk.1.")) {
      long rows = (long) count * HEAD_DIM;
      TensorData query = tensors.get(layer + "attn_q.weight");
      MemorySegment data = query.data().asSlice(0, query.type().bytes(rows * HIDDEN));
      for (String name : List.of(layer + "attn_k.weight", layer + "attn_v.weight")) {
        with(new TensorData(name, query.type(), List.of(rows, (long) HIDDEN), data));
      }
    }
    return with("llama.attention.head_count_kv", (long) count);
  }

  /** A tensor of F32 numbers. */
  TinyModel withVector(String name, float... values) {
    return with(
        new TensorData(
            name,
            ElementType.F32,
            List.of((long) values.length),
            MemorySegment.ofArray(values).asReadOnly()));
  }

  @Override
  public String name() {
    return "distorted " + original.name();
  }

  @Override
  public Metadata metadata() {
    return new Metadata(metadata);
  }

  @Override
  public Map<String, TensorData> tensors() {
    return tensors;
  }

  @Override
  public String fingerprint() {
    return original.fingerprint();
  }

  @Override
  public void close() {
    original.close();
  }
}
