package dev.millrace.network;

import dev.millrace.model.Metadata;
import dev.millrace.model.ModelFile;
import dev.millrace.model.TensorData;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** A Llama file in memory with seeded random weights, small, and open to any distortion. */
final class TinyModel implements ModelFile {
  final Map<String, Object> metadata = new LinkedHashMap<>();
  final Map<String, TensorData> tensors = new LinkedHashMap<>();
  private final Random random = new Random(42);
  private final ElementType type;

  /** 2 layers, 4 query heads on 2 key-value heads of 16 features, tied head, 96 tokens. */
  TinyModel() {
    this(ElementType.F32, 4, 2, true);
  }

  TinyModel(ElementType type, int heads, int kvHeads, boolean tied) {
    this.type = type;
    int hidden = 64;
    int headDim = 16;
    int ffn = 96;
    metadata.put("general.architecture", "llama");
    metadata.put("llama.block_count", 2L);
    metadata.put("llama.context_length", 2048L);
    metadata.put("llama.embedding_length", (long) hidden);
    metadata.put("llama.feed_forward_length", (long) ffn);
    metadata.put("llama.attention.head_count", (long) heads);
    metadata.put("llama.attention.head_count_kv", (long) kvHeads);
    metadata.put("llama.attention.key_length", (long) headDim);
    metadata.put("llama.attention.value_length", (long) headDim);
    metadata.put("llama.attention.layer_norm_rms_epsilon", 1e-5);
    metadata.put("llama.rope.freq_base", 10000.0);
    weight("token_embd.weight", 96, hidden);
    for (int i = 0; i < 2; i++) {
      String layer = "blk." + i + ".";
      vector(layer + "attn_norm.weight", hidden);
      weight(layer + "attn_q.weight", heads * headDim, hidden);
      weight(layer + "attn_k.weight", kvHeads * headDim, hidden);
      weight(layer + "attn_v.weight", kvHeads * headDim, hidden);
      weight(layer + "attn_output.weight", hidden, heads * headDim);
      vector(layer + "ffn_norm.weight", hidden);
      weight(layer + "ffn_gate.weight", ffn, hidden);
      weight(layer + "ffn_up.weight", ffn, hidden);
      weight(layer + "ffn_down.weight", hidden, ffn);
    }
    vector("output_norm.weight", hidden);
    if (!tied) {
      weight("output.weight", 96, hidden);
    }
  }

  TinyModel with(String key, Object value) {
    metadata.put(key, value);
    return this;
  }

  TinyModel without(String keyOrTensor) {
    metadata.remove(keyOrTensor);
    tensors.remove(keyOrTensor);
    return this;
  }

  /** A tensor of F32 around 1. */
  TinyModel vector(String name, int length) {
    MemorySegment data = Arena.ofAuto().allocate(4L * length, 64);
    for (int i = 0; i < length; i++) {
      data.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1 + 0.1f * (float) random.nextGaussian());
    }
    tensors.put(name, new TensorData(name, ElementType.F32, List.of((long) length), data));
    return this;
  }

  private void weight(String name, int outputs, int inputs) {
    MemorySegment data = Arena.ofAuto().allocate(type.bytes((long) outputs * inputs), 64);
    switch (type) {
      case F32 -> {
        for (long i = 0; i < (long) outputs * inputs; i++) {
          data.setAtIndex(ValueLayout.JAVA_FLOAT, i, 0.2f * (float) random.nextGaussian());
        }
      }
      case Q4_0, Q4_1, Q8_0 -> randomBlocks(data);
      default -> throw new IllegalArgumentException(type + " isn't made here");
    }
    tensors.put(name, new TensorData(name, type, List.of((long) outputs, (long) inputs), data));
  }

  private void randomBlocks(MemorySegment data) {
    byte[] bytes = new byte[type.blockBytes()];
    float step = type == ElementType.Q8_0 ? 0.003f : 0.05f;
    for (long at = 0; at < data.byteSize(); at += bytes.length) {
      random.nextBytes(bytes);
      MemorySegment block = data.asSlice(at, bytes.length).copyFrom(MemorySegment.ofArray(bytes));
      float scale = step * (0.5f + random.nextFloat());
      block.set(ValueLayout.JAVA_SHORT_UNALIGNED, 0, Float.floatToFloat16(scale));
      if (type == ElementType.Q4_1) {
        block.set(ValueLayout.JAVA_SHORT_UNALIGNED, 2, Float.floatToFloat16(-8 * scale));
      }
    }
  }

  @Override
  public String name() {
    return "tiny";
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
    return "tiny";
  }

  @Override
  public void close() {}
}
