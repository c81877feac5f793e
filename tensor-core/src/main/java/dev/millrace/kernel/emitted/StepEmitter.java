package dev.millrace.kernel.emitted;

import static dev.millrace.assembler.Vec.xmm;

import dev.millrace.assembler.Assembler;
import dev.millrace.assembler.Gp;
import dev.millrace.assembler.Mem;
import dev.millrace.assembler.Vec;
import dev.millrace.kernel.Functions;
import java.util.function.Consumer;

/**
 * What the code of attention, norms and gates is made of, in vectors of 8 or 16 floats: the same
 * operations as {@link Functions}, so the same bits.
 */
abstract class StepEmitter {
  /** Where {@link StepConstants} are. */
  static final Gp CONSTANTS = Gp.RCX;

  final Assembler a = new Assembler();
  final Isa isa;

  /** Floats of a vector. */
  final int lanes;

  final int vectorBytes;

  StepEmitter(Isa isa) {
    this.isa = isa;
    lanes = isa.lanes();
    vectorBytes = lanes * Float.BYTES;
  }

  /** Register {@code number} in full width. */
  final Vec v(int number) {
    return isa.register(number);
  }

  static Mem constant(int offset) {
    return CONSTANTS.at(offset);
  }

  /** Clears a register's whole width. */
  final void clear(Vec register) {
    Vec narrow = register.as(Vec.Width.XMM);
    if (register.number() < 16) {
      a.vpxor(narrow, narrow, narrow);
    } else {
      a.vpxord(register, register, register);
    }
  }

  /** Registers for {@code result} = exp(x): all three differ, all are overwritten. */
  record Exp(Vec result, Vec x, Vec shifted) {}

  /**
   * {@link Functions#exp} of one or several, step by step for all of them: there is enough to do
   * while each waits for itself.
   */
  final void exp(Exp... all) {
    each(all, e -> a.vmovups(e.result, constant(StepConstants.EXP_LOWEST)));
    each(all, e -> a.vmaxps(e.x, e.result, e.x)); // where x is NaN, max and min leave it
    each(all, e -> a.vmovups(e.result, constant(StepConstants.EXP_HIGHEST)));
    each(all, e -> a.vminps(e.x, e.result, e.x));
    each(all, e -> a.vmovups(e.shifted, constant(StepConstants.ROUNDER)));
    each(all, e -> a.vfmadd231ps(e.shifted, e.x, constant(StepConstants.LOG2_E)));
    each(all, e -> a.vsubps(e.result, e.shifted, constant(StepConstants.ROUNDER))); // n
    each(all, e -> a.vfmadd231ps(e.x, e.result, constant(StepConstants.MINUS_LN2_HIGH)));
    each(all, e -> a.vfmadd231ps(e.x, e.result, constant(StepConstants.MINUS_LN2_LOW)));
    each(all, e -> a.vmovups(e.result, constant(StepConstants.EXP_6)));
    for (int i = StepConstants.EXP_6 - 64; i >= StepConstants.EXP_2; i -= 64) {
      int factor = i;
      each(all, e -> a.vfmadd213ps(e.result, e.x, constant(factor)));
    }
    each(all, e -> a.vfmadd213ps(e.result, e.x, constant(StepConstants.ONE)));
    each(all, e -> a.vfmadd213ps(e.result, e.x, constant(StepConstants.ONE)));
    each(all, e -> a.vpsubd(e.shifted, e.shifted, constant(StepConstants.ROUNDER))); // n as bits
    each(all, e -> a.vpsrad(e.x, e.shifted, 1));
    each(all, e -> a.vpsubd(e.shifted, e.shifted, e.x));
    each(all, e -> powerOfTwo(e.x));
    each(all, e -> powerOfTwo(e.shifted));
    each(all, e -> a.vmulps(e.result, e.result, e.x));
    each(all, e -> a.vmulps(e.result, e.result, e.shifted));
  }

  private static void each(Exp[] all, Consumer<Exp> step) {
    for (Exp exp : all) {
      step.accept(exp);
    }
  }

  private void powerOfTwo(Vec n) {
    a.vpaddd(n, n, constant(StepConstants.BIAS));
    a.vpslld(n, n, 23);
  }

  /**
   * {@link Functions#join}: lane 0 of {@code sums}, seen as xmm, becomes the sum of its lanes. With
   * vectors of 8, {@code upper} holds partial sums 8 to 15. Both are overwritten.
   */
  final void join(Vec sums, Vec upper) {
    if (isa == Isa.AVX2) {
      Vec half = sums.as(Vec.Width.YMM);
      a.vaddps(half, half, upper.as(Vec.Width.YMM));
    }
    fold(sums, upper, a::vaddps);
  }

  /** Lane 0 of {@code values}, seen as xmm, becomes the largest of its lanes. */
  final void largest(Vec values, Vec temporary) {
    fold(values, temporary, a::vmaxps);
  }

  /** An instruction on two registers. */
  @FunctionalInterface
  interface Operation {
    void emit(Vec to, Vec a, Vec b);
  }

  /**
   * Lane 0 of {@code values}, seen as xmm, becomes what all of its lanes come to: upper halves onto
   * lower ones, again and again. Both registers are overwritten.
   */
  final void fold(Vec values, Vec temporary, Operation operation) {
    Vec half = values.as(Vec.Width.YMM);
    if (isa == Isa.AVX512) {
      Vec upper = temporary.as(Vec.Width.YMM);
      a.vextractf64x4(upper, values, 1);
      operation.emit(half, half, upper);
    }
    Vec result = xmm(values.number());
    Vec other = xmm(temporary.number());
    a.vextractf128(other, half, 1);
    operation.emit(result, result, other);
    a.vpermilps(other, result, 0b01_00_11_10);
    operation.emit(result, result, other);
    a.vpermilps(other, result, 0b10_11_00_01);
    operation.emit(result, result, other);
  }
}
