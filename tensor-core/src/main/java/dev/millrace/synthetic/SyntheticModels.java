package dev.millrace.synthetic;

import dev.millrace.model.Metadata;
import dev.millrace.model.ModelFile;
import dev.millrace.model.ModelFormatException;
import dev.millrace.model.Sha256;
import dev.millrace.model.TensorData;
import dev.millrace.tensor.ElementType;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Makes models of {@link Shape}'s sizes out of random numbers: the same ones every time. */
public final class SyntheticModels {
  /** Part of every fingerprint: counted up when the same recipe gives other weights than before. */
  private static final int GENERATOR = 1;

  private SyntheticModels() {}

  /** The shapes' names. */
  public static List<String> shapes() {
    return Shape.ALL.stream().map(Shape::name).toList();
  }

  /** A small model for tests: 2 layers of 64 features, 320 tokens, F32. */
  public static ModelFile tiny() {
    return open("tiny", Optional.empty());
  }

  /**
   * Describes a model; its values are made when they are read, and again when they are read again.
   *
   * @param type of the weights, an {@link ElementType}'s name; default F32 for tiny, else Q4_0.
   *     Norms are F32 always.
   * @throws ModelFormatException if there is no such shape or type, or they don't go together
   */
  public static ModelFile open(String shape, Optional<String> type) {
    Shape sizes = Shape.named(shape);
    ElementType weights = type.map(SyntheticModels::type).orElse(sizes.defaultType());
    String name = "synthetic:" + shape + ":" + weights;
    SyntheticTensors recipe = new SyntheticTensors(sizes, weights);
    recipe.requireWholeBlocks();
    Map<String, TensorData> tensors = new LinkedHashMap<>();
    for (TensorData tensor : recipe.tensors()) {
      tensors.put(tensor.name(), tensor);
    }
    return new SyntheticModel(
        name,
        metadata(sizes, weights, name),
        Collections.unmodifiableMap(tensors),
        Sha256.of("generator " + GENERATOR + ", " + weights + ", " + sizes));
  }

  private static ElementType type(String name) {
    return Arrays.stream(ElementType.values())
        .filter(type -> type.name().equalsIgnoreCase(name))
        .findFirst()
        .orElseThrow(
            () ->
                new ModelFormatException(
                    "synthetic model: no weight type "
                        + name
                        + "; there are "
                        + Arrays.toString(ElementType.values())));
  }

  private static Metadata metadata(Shape shape, ElementType type, String name) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("general.architecture", "llama");
    values.put("general.name", name);
    values.put("general.file_type", fileType(type));
    values.put("general.quantization_version", 2L);
    values.put("llama.block_count", (long) shape.layers());
    values.put("llama.context_length", (long) shape.contextLength());
    values.put("llama.embedding_length", (long) shape.hidden());
    values.put("llama.feed_forward_length", (long) shape.ffn());
    values.put("llama.attention.head_count", (long) shape.heads());
    values.put("llama.attention.head_count_kv", (long) shape.kvHeads());
    values.put("llama.attention.layer_norm_rms_epsilon", (double) Shape.RMS_EPSILON);
    values.put("llama.rope.freq_base", (double) shape.ropeBase());
    values.put("llama.rope.dimension_count", (long) shape.headDim());
    values.put("llama.vocab_size", (long) shape.vocabulary());
    ByteVocabulary.describe(shape.vocabulary(), values);
    return new Metadata(Collections.unmodifiableMap(values));
  }

  /** The number that GGUF has for "mostly of this type". */
  private static long fileType(ElementType type) {
    return switch (type) {
      case F32 -> 0;
      case F16 -> 1;
      case Q4_0 -> 2;
      case Q4_1 -> 3;
      case Q8_0 -> 7;
      case Q5_0 -> 8;
      case Q5_1 -> 9;
      case Q4_K -> 14; // mostly Q4_K, small
      case Q5_K -> 16;
      case Q6_K -> 18;
      case BF16 -> 32;
    };
  }

  private record SyntheticModel(
      String name, Metadata metadata, Map<String, TensorData> tensors, String fingerprint)
      implements ModelFile {
    @Override
    public void close() {} // nothing is held
  }
}
