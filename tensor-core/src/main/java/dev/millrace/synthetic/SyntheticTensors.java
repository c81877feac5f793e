package dev.millrace.synthetic;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.millrace.model.ModelFormatException;
import dev.millrace.model.TensorData;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** A shape's tensors, by the names and in the order that GGUF files have them. */
final class SyntheticTensors {
  private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT.withOrder(LITTLE_ENDIAN);
  private static final long ALIGNMENT = 64;

  /** Norm weights lie around 1. */
  private static final double NORM_DEVIATION = 0.1;

  private final Shape shape;
  private final ElementType type;

  SyntheticTensors(Shape shape, ElementType type) {
    this.shape = shape;
    this.type = type;
  }

  /** What a tensor holds. */
  enum Content {
    MATRIX,
    NORM,
    ROPE_FREQUENCIES
  }

  /** A tensor to be made; shape outermost first. */
  record Recipe(String name, Content content, List<Long> shape) {
    long elements() {
      return shape.stream().reduce(1L, Math::multiplyExact);
    }
  }

  /** All of them; their values are made when they are read. */
  List<TensorData> tensors() {
    return recipes().stream().map(this::tensor).toList();
  }

  List<Recipe> recipes() {
    int hidden = shape.hidden();
    int kv = shape.kvHeads() * shape.headDim();
    int ffn = shape.ffn();
    List<Recipe> recipes = new ArrayList<>();
    if (shape.ropeFactor() != 1) {
      recipes.add(vector("rope_freqs", Content.ROPE_FREQUENCIES, shape.headDim() / 2));
    }
    recipes.add(matrix("token_embd", shape.vocabulary(), hidden));
    if (!shape.tiedHead()) {
      recipes.add(matrix("output", shape.vocabulary(), hidden));
    }
    recipes.add(vector("output_norm", Content.NORM, hidden));
    for (int layer = 0; layer < shape.layers(); layer++) {
      String block = "blk." + layer + ".";
      recipes.add(vector(block + "attn_norm", Content.NORM, hidden));
      recipes.add(matrix(block + "attn_q", hidden, hidden));
      recipes.add(matrix(block + "attn_k", kv, hidden));
      recipes.add(matrix(block + "attn_v", kv, hidden));
      recipes.add(matrix(block + "attn_output", hidden, hidden));
      recipes.add(vector(block + "ffn_norm", Content.NORM, hidden));
      recipes.add(matrix(block + "ffn_gate", ffn, hidden));
      recipes.add(matrix(block + "ffn_up", ffn, hidden));
      recipes.add(matrix(block + "ffn_down", hidden, ffn));
    }
    return recipes;
  }

  /**
   * @throws ModelFormatException if a matrix's rows aren't whole blocks of the type
   */
  void requireWholeBlocks() {
    for (Recipe recipe : recipes()) {
      long columns = recipe.shape.getLast();
      int block = stored(recipe).blockSize();
      if (columns % block != 0) {
        throw new ModelFormatException(
            "synthetic:%s:%s: tensor %s %s: rows of %d values aren't whole blocks of %d"
                .formatted(shape.name(), type, recipe.name, recipe.shape, columns, block));
      }
    }
  }

  private static Recipe matrix(String name, long out, long in) {
    return new Recipe(name + ".weight", Content.MATRIX, List.of(out, in));
  }

  private static Recipe vector(String name, Content content, long size) {
    return new Recipe(name + ".weight", content, List.of(size));
  }

  private ElementType stored(Recipe recipe) {
    return recipe.content == Content.MATRIX ? type : ElementType.F32;
  }

  TensorData tensor(Recipe recipe) {
    return new TensorData(
        recipe.name,
        stored(recipe),
        recipe.shape,
        (from, count, scratch) -> {
          MemorySegment data = scratch.allocate(count, ALIGNMENT);
          switch (recipe.content) {
            case MATRIX -> fillMatrix(recipe, from, data);
            case NORM -> fillNorm(recipe, from, data);
            case ROPE_FREQUENCIES -> fillRopeFrequencies(from, data);
          }
          return data;
        });
  }

  /** Maps features of deviation 1 to features of about deviation 1. */
  private void fillMatrix(Recipe recipe, long from, MemorySegment data) {
    double in = recipe.shape.getLast();
    new RandomWeights(seed(recipe.name), 1 / Math.sqrt(in)).fill(type, from, data);
  }

  private static void fillNorm(Recipe recipe, long from, MemorySegment data) {
    new RandomWeights(seed(recipe.name), NORM_DEVIATION).fill(ElementType.F32, from, data);
    for (long i = 0; i < data.byteSize() / Float.BYTES; i++) {
      data.setAtIndex(FLOAT, i, 1 + data.getAtIndex(FLOAT, i));
    }
  }

  /**
   * Llama 3.1's divisors of RoPE's frequencies: wavelengths of more than the old context's 8,192
   * positions are stretched by the factor, those below a quarter of it are left alone, those
   * between are blended.
   */
  private void fillRopeFrequencies(long from, MemorySegment data) {
    double oldContext = 8192;
    double lowFrequencyFactor = 1;
    double highFrequencyFactor = 4;
    int pairs = shape.headDim() / 2;
    for (long at = 0; at < data.byteSize(); at += Float.BYTES) {
      long i = (from + at) / Float.BYTES;
      double frequency = StrictMath.pow(shape.ropeBase(), -(double) i / pairs);
      double turns = oldContext * frequency / (2 * StrictMath.PI);
      double blend = (turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
      double kept = Math.clamp(blend, 0.0, 1.0);
      data.set(FLOAT, at, (float) (1 / ((1 - kept) / shape.ropeFactor() + kept)));
    }
  }

  /** Independent of the shape, so that a tensor's bits depend on its name, type and size only. */
  private static long seed(String name) {
    return RandomWeights.mix(name.hashCode());
  }
}
