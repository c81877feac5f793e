package dev.millrace.synthetic;

import dev.millrace.model.ModelFormatException;
import dev.millrace.tensor.ElementType;
import java.util.List;

/**
 * A Llama-like network's sizes, those of a real model but for "tiny" and "small", whose rows are
 * whole blocks of every type.
 *
 * @param tiedHead the output head is the token embedding
 * @param ropeFactor stretches RoPE as Llama 3.1 does; 1 leaves it alone
 * @param defaultType of the weights, when none is asked for
 */
record Shape(
    String name,
    int layers,
    int hidden,
    int heads,
    int kvHeads,
    int ffn,
    int vocabulary,
    int contextLength,
    float ropeBase,
    float ropeFactor,
    boolean tiedHead,
    ElementType defaultType) {

  static final float RMS_EPSILON = 1e-5f;

  private static final ElementType Q4_0 = ElementType.Q4_0;

  static final List<Shape> ALL =
      List.of(
          new Shape("tiny", 2, 64, 4, 2, 160, 320, 2048, 1e4f, 1, false, ElementType.F32),
          new Shape("small", 2, 256, 4, 2, 512, 320, 2048, 1e4f, 1, false, ElementType.F32),
          new Shape("smollm2-135m", 30, 576, 9, 3, 1536, 49_152, 8192, 1e5f, 1, true, Q4_0),
          new Shape("tinyllama-1.1b", 22, 2048, 32, 4, 5632, 32_000, 2048, 1e4f, 1, false, Q4_0),
          new Shape("llama-3.2-1b", 16, 2048, 32, 8, 8192, 128_256, 131_072, 5e5f, 32, true, Q4_0),
          new Shape("llama-2-7b", 32, 4096, 32, 32, 11_008, 32_000, 4096, 1e4f, 1, false, Q4_0),
          new Shape("llama-3-8b", 32, 4096, 32, 8, 14_336, 128_256, 8192, 5e5f, 1, false, Q4_0));

  static Shape named(String name) {
    return ALL.stream()
        .filter(shape -> shape.name.equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new ModelFormatException(
                    "synthetic model: no shape "
                        + name
                        + "; there are "
                        + String.join(", ", ALL.stream().map(Shape::name).toList())));
  }

  int headDim() {
    return hidden / heads;
  }
}
