package dev.millrace.network;

import dev.millrace.model.Metadata;
import dev.millrace.model.ModelFile;
import dev.millrace.model.ModelFormatException;
import dev.millrace.model.TensorData;
import java.util.List;
import java.util.OptionalInt;

/**
 * A Llama-like network's sizes, read from metadata and checked.
 *
 * @param architecture as in the file: "llama"
 * @param vocabulary tokens; the file's matrices may have more rows, which are padding
 * @param contextLength positions that the model was made for
 */
public record NetworkConfig(
    String architecture,
    int layers,
    int hidden,
    int heads,
    int kvHeads,
    int headDim,
    int ffn,
    int vocabulary,
    int contextLength,
    float rmsEpsilon,
    RopeConfig rope) {

  private static final String TOKENS = "tokenizer.ggml.tokens";

  /** Architectures, as {@code general.architecture} has them. */
  public static final List<String> SUPPORTED = List.of("llama");

  // Limits on what a file may ask for: at least twice the largest open model's (Llama 3.1 405B).
  private static final int MAX_LAYERS = 256;
  private static final int MAX_HIDDEN = 1 << 15;
  private static final int MAX_HEADS = 256;
  private static final int MAX_HEAD_DIM = 512;
  private static final int MAX_FFN = 1 << 17;
  private static final int MAX_VOCABULARY = 1 << 19;
  private static final int MAX_CONTEXT = 1 << 24;

  /**
   * @param dimensions features of a head that are rotated
   * @param scaling how positions or frequencies are stretched
   */
  public record RopeConfig(int dimensions, float base, RopeScaling scaling) {}

  /** What follows RoPE's frequencies to longer contexts. */
  public sealed interface RopeScaling {
    record None() implements RopeScaling {}

    /** Positions divided by factor (Chen et al. 2023, position interpolation). */
    record Linear(float factor) implements RopeScaling {}

    /**
     * Per-frequency divisors, as Llama 3.1 files carry them in rope_freqs.weight, [dimensions/2].
     */
    record Frequencies(List<Float> divisors) implements RopeScaling {
      public Frequencies {
        divisors = List.copyOf(divisors);
      }
    }
  }

  /**
   * Reads and checks the sizes of a file's network.
   *
   * @throws ModelFormatException naming the key or tensor at fault
   */
  public static NetworkConfig from(ModelFile file) {
    Metadata metadata = file.metadata();
    String architecture = metadata.string("general.architecture");
    if (!SUPPORTED.contains(architecture)) {
      throw new ModelFormatException(
          "architecture \"" + architecture + "\" is not supported; supported: " + SUPPORTED);
    }
    ArchitectureKeys keys = new ArchitectureKeys(metadata, architecture);
    refuseWhatChangesTheArithmetic(keys);
    int hidden = keys.integer("embedding_length", 1, MAX_HIDDEN);
    int heads = required(keys, "attention.head_count", MAX_HEADS);
    int headDim = headDim(keys, hidden, heads);
    return new NetworkConfig(
        architecture,
        keys.integer("block_count", 1, MAX_LAYERS),
        hidden,
        heads,
        kvHeads(keys, heads),
        headDim,
        required(keys, "feed_forward_length", MAX_FFN),
        vocabulary(file),
        keys.integer("context_length", 1, MAX_CONTEXT),
        keys.positive("attention.layer_norm_rms_epsilon")
            .orElseThrow(() -> missing(keys, "attention.layer_norm_rms_epsilon")),
        rope(file, keys, headDim));
  }

  private static int kvHeads(ArchitectureKeys keys, int heads) {
    int kvHeads = keys.sameInAllLayers("attention.head_count_kv", 1, heads).orElse(heads);
    if (heads % kvHeads != 0) {
      throw keys.bad("attention.head_count_kv", kvHeads, "a divisor of the " + heads + " heads");
    }
    return kvHeads;
  }

  private static int headDim(ArchitectureKeys keys, int hidden, int heads) {
    if (!keys.metadata().has(keys.key("attention.key_length")) && hidden % heads != 0) {
      throw keys.bad("attention.head_count", heads, "a divisor of embedding_length " + hidden);
    }
    int headDim = keys.integer("attention.key_length", 2, MAX_HEAD_DIM, hidden / heads);
    if (headDim % 2 != 0) {
      throw keys.bad("attention.key_length", headDim, "an even number");
    }
    int valueLength = keys.integer("attention.value_length", 1, MAX_HEAD_DIM, headDim);
    if (valueLength != headDim) {
      throw keys.bad("attention.value_length", valueLength, "the key length, " + headDim);
    }
    return headDim;
  }

  private static int vocabulary(ModelFile file) {
    List<Long> shape =
        file.find("token_embd.weight")
            .map(TensorData::shape)
            .orElseThrow(() -> new ModelFormatException("tensor token_embd.weight is missing"));
    long vocabulary = shape.isEmpty() ? 0 : shape.getFirst();
    if (vocabulary < 1 || vocabulary > MAX_VOCABULARY) {
      throw new ModelFormatException(
          "tensor token_embd.weight: expected between 1 and "
              + MAX_VOCABULARY
              + " rows, file has "
              + shape);
    }
    return Math.min((int) vocabulary, tokens(file.metadata()).orElse(MAX_VOCABULARY));
  }

  /** Rows behind the last token are padding: no token has their ids. */
  private static OptionalInt tokens(Metadata metadata) {
    return metadata.has(TOKENS)
        ? OptionalInt.of(Math.max(1, metadata.strings(TOKENS).size()))
        : OptionalInt.empty();
  }

  private static RopeConfig rope(ModelFile file, ArchitectureKeys keys, int headDim) {
    int dimensions = keys.integer("rope.dimension_count", 2, headDim, headDim);
    if (dimensions % 2 != 0) {
      throw keys.bad("rope.dimension_count", dimensions, "an even number");
    }
    float base = keys.positive("rope.freq_base").orElse(10000f);
    return new RopeConfig(dimensions, base, ropeScaling(file, keys, dimensions));
  }

  private static RopeScaling ropeScaling(ModelFile file, ArchitectureKeys keys, int dimensions) {
    // Files older than rope.scaling.type have only a factor, and mean linear.
    String type = keys.metadata().findString(keys.key("rope.scaling.type")).orElse("linear");
    if (!type.equals("none") && !type.equals("linear")) {
      throw keys.bad(
          "rope.scaling.type",
          '"' + type + '"',
          "none or linear (Llama 3.1's scaling comes as the tensor rope_freqs.weight)");
    }
    String oldName = "rope.scale_linear";
    float factor =
        keys.positive(keys.metadata().has(keys.key(oldName)) ? oldName : "rope.scaling.factor")
            .filter(given -> type.equals("linear"))
            .orElse(1f);
    boolean perFrequency = file.find("rope_freqs.weight").isPresent();
    if (perFrequency && factor != 1) {
      throw keys.bad("rope.scaling.factor", factor, "1 beside the tensor rope_freqs.weight");
    }
    if (perFrequency) {
      List<Float> divisors = new Tensors(file).list("rope_freqs.weight", dimensions / 2);
      for (float divisor : divisors) {
        if (!(divisor > 0 && divisor <= Float.MAX_VALUE)) {
          throw new ModelFormatException(
              "tensor rope_freqs.weight: file has " + divisor + ", expected numbers above 0");
        }
      }
      return new RopeScaling.Frequencies(divisors);
    }
    return factor == 1 ? new RopeScaling.None() : new RopeScaling.Linear(factor);
  }

  /** Settings of the llama family (Granite, MiniCPM, Mixtral, ...) that would change the result. */
  private static void refuseWhatChangesTheArithmetic(ArchitectureKeys keys) {
    if (!keys.metadata().bool(keys.key("attention.causal"), true)) {
      throw keys.bad("attention.causal", false, "true");
    }
    keys.unsupportedUnless("expert_count", 0);
    keys.unsupportedUnless("attention.scale", 0);
    keys.unsupportedUnless("attention.sliding_window", 0);
    keys.unsupportedUnless("attention.clamp_kqv", 0);
    keys.unsupportedUnless("attention.max_alibi_bias", 0);
    keys.unsupportedUnless("attn_logit_softcapping", 0);
    keys.unsupportedUnless("final_logit_softcapping", 0);
    keys.unsupportedUnless("logit_scale", 1);
    keys.unsupportedUnless("embedding_scale", 1);
    keys.unsupportedUnless("residual_scale", 1);
    keys.unsupportedUnless("rope.scaling.attn_factor", 1);
  }

  private static int required(ArchitectureKeys keys, String name, int max) {
    return keys.sameInAllLayers(name, 1, max).orElseThrow(() -> missing(keys, name));
  }

  private static ModelFormatException missing(ArchitectureKeys keys, String name) {
    return new ModelFormatException("metadata key " + keys.key(name) + " is missing");
  }
}
