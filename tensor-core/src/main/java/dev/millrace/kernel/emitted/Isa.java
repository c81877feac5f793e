package dev.millrace.kernel.emitted;

import dev.millrace.assembler.CpuFeatures;
import dev.millrace.assembler.Vec;
import java.util.Optional;

/** Which instructions kernels are made of. */
public enum Isa {
  /** AVX2, FMA, F16C: 16 registers of 8 lanes. */
  AVX2(Vec.Width.YMM),
  /** AVX-512 with VNNI: 32 registers of 16 lanes. */
  AVX512(Vec.Width.ZMM);

  private final Vec.Width width;

  Isa(Vec.Width width) {
    this.width = width;
  }

  /** Floats of a vector. */
  int lanes() {
    return width.bytes() / Float.BYTES;
  }

  /** A vector register in full width. */
  Vec register(int number) {
    return Vec.xmm(number).as(width);
  }

  /** The best one that a CPU has. */
  public static Optional<Isa> of(CpuFeatures cpu) {
    return AVX512.isIn(cpu)
        ? Optional.of(AVX512)
        : AVX2.isIn(cpu) ? Optional.of(AVX2) : Optional.empty();
  }

  public boolean isIn(CpuFeatures cpu) {
    return switch (this) {
      case AVX2 -> cpu.avx2();
      case AVX512 -> cpu.vnni();
    };
  }
}
