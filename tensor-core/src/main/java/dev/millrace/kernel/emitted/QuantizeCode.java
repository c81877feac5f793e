package dev.millrace.kernel.emitted;

import static dev.millrace.assembler.Assembler.Condition.ABOVE_OR_EQUAL;
import static dev.millrace.assembler.Assembler.Condition.BELOW;
import static dev.millrace.assembler.Assembler.Condition.NOT_EQUAL;
import static dev.millrace.assembler.Vec.xmm;
import static dev.millrace.assembler.Vec.ymm;
import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;
import static dev.millrace.kernel.Kernels.QUANTIZATION_FLOOR;

import dev.millrace.assembler.Assembler;
import dev.millrace.assembler.CodePages;
import dev.millrace.assembler.Gp;
import dev.millrace.assembler.Label;
import dev.millrace.assembler.Vec;
import dev.millrace.kernel.ActivationPrecision;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Rounds blocks of 32 floats to {@link EmittedRows}' records, in AVX2: next to the products it
 * costs too little for a second version. Magnitudes are compared as integers, which orders floats
 * without sign, NaN above all.
 *
 * <pre>void f(x, records, long blocks, constants)</pre>
 */
final class QuantizeCode {
  private static final Gp X = Gp.RDI;
  private static final Gp RECORD = Gp.RSI;
  private static final Gp BLOCKS = Gp.RDX;
  private static final Gp CONSTANTS = Gp.RCX;
  private static final int FLOATS_BYTES = QUANTIZATION_BLOCK * Float.BYTES;
  private static final int INFINITY_BITS = 0x7F800000;

  private static final int VECTORS = 4; // ymm0 to ymm3: the block's values, then their roundings
  private static final Vec AMAX = ymm(4);
  private static final Vec SCALE = ymm(5);
  private static final Vec TEMPORARY = ymm(6);
  private static final Vec SUM = ymm(7);
  private static final Vec OTHER = xmm(8);

  private static final MethodHandle CALL =
      CodePages.caller(
          FunctionDescriptor.ofVoid(
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG));

  private final Assembler a = new Assembler();
  private final ActivationPrecision precision;
  private final int tail; // of a record
  private final MemorySegment function;

  QuantizeCode(ActivationPrecision precision, Arena arena) {
    this.precision = precision;
    tail = EmittedRows.valueBytes(precision);
    emit();
    function = CodePages.of(a.code(), arena).at(0);
  }

  /** Addresses are of the first block's floats and of its record. */
  void run(long x, long records, long blocks) {
    if (blocks == 0) {
      return;
    }
    try {
      CALL.invokeExact(function, x, records, blocks, Constants.ADDRESS);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("emitted code throws nothing", e);
    }
  }

  private void emit() {
    Label block = new Label();
    Label zeros = new Label();
    Label notFinite = new Label();
    Label store = new Label();
    a.bind(block);
    loadAndFindAmax();
    a.cmp(Gp.RAX, INFINITY_BITS);
    a.jcc(ABOVE_OR_EQUAL, notFinite);
    a.cmp(Gp.RAX, Float.floatToRawIntBits(QUANTIZATION_FLOOR));
    a.jcc(BELOW, zeros);
    round();
    a.bind(store);
    addUp();
    switch (precision) {
      case INT8 -> storeBytes();
      case INT16 -> storeWords();
    }
    storeScaleAndSums();
    a.add(X, FLOATS_BYTES);
    a.add(RECORD, EmittedRows.recordBytes(precision));
    a.sub(BLOCKS, 1);
    a.jcc(NOT_EQUAL, block);
    a.vzeroupper();
    a.ret();

    a.bind(zeros);
    clear();
    a.vpxor(SCALE, SCALE, SCALE);
    a.jmp(store);

    a.bind(notFinite);
    clear();
    a.vmovups(SCALE, CONSTANTS.at(Constants.NANS));
    a.jmp(store);
  }

  /**
   * The values in ymm0 to ymm3, the largest magnitude in all lanes of xmm AMAX, its bits in rax.
   */
  private void loadAndFindAmax() {
    a.vmovups(SUM, CONSTANTS.at(Constants.MAGNITUDES));
    for (int i = 0; i < VECTORS; i++) {
      a.vmovups(ymm(i), X.at(i * 32));
      a.vpand(i == 0 ? AMAX : TEMPORARY, ymm(i), SUM);
      if (i > 0) {
        a.vpmaxsd(AMAX, AMAX, TEMPORARY);
      }
    }
    Vec max = narrow(AMAX);
    Vec other = narrow(TEMPORARY);
    a.vextractf128(other, AMAX, 1);
    a.vpmaxsd(max, max, other);
    a.vpermilps(other, max, 0b01_00_11_10);
    a.vpmaxsd(max, max, other);
    a.vpermilps(other, max, 0b10_11_00_01);
    a.vpmaxsd(max, max, other);
    a.vmovss(
        Gp.RSP.at(-8), max); // below the stack pointer: the red zone of a function that calls none
    a.mov32(Gp.RAX, Gp.RSP.at(-8));
  }

  /** ymm0 to ymm3 become the rounded values, as integers; SCALE becomes amax/largest. */
  private void round() {
    Vec inverse = SUM;
    a.vmovups(TEMPORARY, CONSTANTS.at(Constants.largest(precision)));
    a.vdivps(narrow(SCALE), narrow(AMAX), narrow(TEMPORARY));
    a.vdivps(narrow(inverse), narrow(TEMPORARY), narrow(AMAX));
    a.vbroadcastss(inverse, narrow(inverse));
    for (int i = 0; i < VECTORS; i++) {
      a.vmulps(ymm(i), ymm(i), inverse);
      a.vcvtps2dq(ymm(i), ymm(i));
    }
  }

  private void clear() {
    for (int i = 0; i < VECTORS; i++) {
      a.vpxor(ymm(i), ymm(i), ymm(i));
    }
  }

  /** The sums of columns 0 to 15 in SUM's lanes 0 and 1, those of 16 to 31 in 2 and 3. */
  private void addUp() {
    Vec first = narrow(SUM);
    Vec second = narrow(TEMPORARY);
    a.vpaddd(SUM, ymm(0), ymm(1));
    a.vextractf128(second, SUM, 1);
    a.vpaddd(first, first, second);
    a.vpaddd(TEMPORARY, ymm(2), ymm(3));
    a.vextractf128(OTHER, TEMPORARY, 1);
    a.vpaddd(second, second, OTHER);
    a.vshufps(OTHER, first, second, 0b11_10_11_10); // lanes 2 and 3 of both
    a.vshufps(first, first, second, 0b01_00_01_00); // lanes 0 and 1 of both
    a.vpaddd(first, first, OTHER);
    a.vpermilps(OTHER, first, 0b10_11_00_01);
    a.vpaddd(first, first, OTHER);
  }

  private void storeBytes() {
    for (int i = 0; i < VECTORS; i++) { // 8 integers become 8 words
      a.vextractf128(narrow(TEMPORARY), ymm(i), 1);
      a.vpackssdw(xmm(i), xmm(i), narrow(TEMPORARY));
    }
    for (int i = 0; i < VECTORS; i += 2) { // 16 words become 16 bytes
      a.vpacksswb(xmm(i), xmm(i), xmm(i + 1));
      a.vmovups(RECORD.at(i * 8), xmm(i));
    }
  }

  private void storeWords() {
    for (int i = 0; i < VECTORS; i++) { // 8 integers become 8 words
      a.vpermilps(ymm(i), ymm(i), 0b11_01_10_00); // columns 1 and 2 of four exchanged
      a.vextractf128(narrow(TEMPORARY), ymm(i), 1);
      a.vpackssdw(xmm(i), xmm(i), narrow(TEMPORARY));
      a.vmovups(RECORD.at(i * 16), xmm(i));
    }
  }

  private void storeScaleAndSums() {
    Vec halves = narrow(SUM); // Σ first half, twice, Σ second half, twice
    Vec total = narrow(TEMPORARY);
    a.vpermilps(total, halves, 0b01_00_11_10);
    a.vpaddd(total, total, halves);
    a.vpmulld(OTHER, total, CONSTANTS.at(Constants.SUM_FACTORS));
    a.vmovups(RECORD.at(tail), OTHER);
    a.vshufps(halves, halves, total, 0b00_00_10_00); // Σ first half, Σ second half, Σ, Σ
    a.vpmulld(OTHER, halves, CONSTANTS.at(Constants.SUM_FACTORS + 16));
    a.vmovups(RECORD.at(tail + EmittedRows.MINUS_32_SUMS), OTHER);

    a.vmovss(RECORD.at(tail + EmittedRows.SCALE), narrow(SCALE));
    a.vcvtdq2ps(total, total);
    a.vmulps(total, narrow(SCALE), total);
    a.vmovss(RECORD.at(tail + EmittedRows.SCALED_SUM), total);
  }

  private static Vec narrow(Vec v) {
    return v.as(Vec.Width.XMM);
  }
}
