package dev.millrace.kernel.emitted;

import static dev.millrace.assembler.Assembler.Condition.EQUAL;
import static dev.millrace.assembler.Assembler.Condition.NOT_EQUAL;
import static dev.millrace.assembler.Vec.xmm;

import dev.millrace.assembler.Gp;
import dev.millrace.assembler.Label;
import dev.millrace.assembler.Vec;
import dev.millrace.kernel.Functions;

/**
 * What is done to rows of activations and of logits, whole vectors of 16 floats at a time: each
 * method emits a function, and says its arguments.
 */
final class RowEmitter extends StepEmitter {
  // System V: integers come in rdi, rsi, rdx, rcx, r8, r9; floats in xmm0, xmm1.
  private static final Gp FIRST = Gp.RDI;
  private static final Gp SECOND = Gp.RSI;
  private static final Gp THIRD = Gp.RDX;
  private static final Gp COUNT = Gp.R8;
  private static final Gp ROWS = Gp.R9;
  private static final Gp AT = Gp.RAX; // bytes from the start of each
  private static final Gp LEFT = Gp.R10;

  /** Vectors that 16 floats fill. */
  private final int vectors;

  RowEmitter(Isa isa) {
    super(isa);
    vectors = Functions.PARTIALS / lanes;
  }

  /** {@code body} for LEFT = COUNT/16 times 16 floats, AT counting bytes from 0. */
  private void forEach16(Runnable body) {
    Label next = new Label();
    a.xor(AT, AT);
    a.mov(LEFT, COUNT);
    a.shr(LEFT, 4);
    a.bind(next);
    body.run();
    a.add(AT, Functions.PARTIALS * Float.BYTES);
    a.sub(LEFT, 1);
    a.jcc(NOT_EQUAL, next);
  }

  private void end() {
    a.vzeroupper();
    a.ret();
  }

  /** void f(x, weight, y, constants, long columns, long rows, float epsilon, float columns). */
  void rmsNorm() {
    Vec epsilon = xmm(0);
    Vec columns = xmm(1);
    Label row = new Label();
    a.bind(row);
    clear(v(2));
    clear(v(3));
    forEach16(
        () -> {
          for (int i = 0; i < vectors; i++) {
            a.vmovups(v(4), FIRST.at(AT, 1, i * vectorBytes));
            a.vfmadd231ps(v(2 + i), v(4), v(4));
          }
        });
    join(v(2), v(3));
    Vec scale = xmm(2);
    a.vdivps(scale, scale, columns);
    a.vaddps(scale, scale, epsilon);
    a.vsqrtps(scale, scale);
    a.vmovups(xmm(3), constant(StepConstants.ONE));
    a.vdivps(scale, xmm(3), scale);
    a.vbroadcastss(v(2), scale);
    forEach16(
        () -> {
          for (int i = 0; i < vectors; i++) {
            a.vmulps(v(4), v(2), FIRST.at(AT, 1, i * vectorBytes));
            a.vmulps(v(4), v(4), SECOND.at(AT, 1, i * vectorBytes));
            a.vmovups(THIRD.at(AT, 1, i * vectorBytes), v(4));
          }
        });
    a.add(FIRST, AT);
    a.add(THIRD, AT);
    a.sub(ROWS, 1);
    a.jcc(NOT_EQUAL, row);
    end();
  }

  /** void f(gate, up, out, constants, long count). */
  void swiglu() {
    forEach16(
        () -> {
          for (int i = 0; i < vectors; i++) {
            Vec gate = v(4);
            a.vmovups(gate, FIRST.at(AT, 1, i * vectorBytes));
            a.vxorps(v(1), gate, constant(StepConstants.SIGNS));
            exp(new Exp(v(0), v(1), v(2)));
            a.vaddps(v(0), v(0), constant(StepConstants.ONE));
            a.vdivps(gate, gate, v(0));
            a.vmulps(gate, gate, SECOND.at(AT, 1, i * vectorBytes));
            a.vmovups(THIRD.at(AT, 1, i * vectorBytes), gate);
          }
        });
    end();
  }

  /** void f(x, y, unused, constants, long count). */
  void add() {
    forEach16(
        () -> {
          for (int i = 0; i < vectors; i++) {
            a.vmovups(v(0), FIRST.at(AT, 1, i * vectorBytes));
            a.vaddps(v(0), v(0), SECOND.at(AT, 1, i * vectorBytes));
            a.vmovups(FIRST.at(AT, 1, i * vectorBytes), v(0));
          }
        });
    end();
  }

  /** void f(x, cosSin, unused, constants, long headDim, long heads). */
  void rope() {
    Label head = new Label();
    a.bind(head);
    forEach16(
        () -> {
          for (int i = 0; i < vectors; i++) {
            Vec pairs = v(0);
            Vec angles = v(1);
            Vec crossed = v(2);
            a.vmovups(pairs, FIRST.at(AT, 1, i * vectorBytes));
            a.vmovups(angles, SECOND.at(AT, 1, i * vectorBytes));
            a.vpermilps(crossed, angles, 0b10_11_00_01); // sin, cos
            a.vpermilps(v(3), pairs, 0b11_11_01_01); // b, b
            a.vmulps(crossed, crossed, v(3));
            a.vxorps(crossed, crossed, constant(StepConstants.EVEN_SIGNS)); // −b·sin, b·cos
            a.vpermilps(pairs, pairs, 0b10_10_00_00); // a, a
            a.vfmadd231ps(crossed, pairs, angles);
            a.vmovups(FIRST.at(AT, 1, i * vectorBytes), crossed);
          }
        });
    a.add(FIRST, AT);
    a.sub(ROWS, 1);
    a.jcc(NOT_EQUAL, head);
    end();
  }

  /**
   * One head's states of several segments: void f(state, out, long strideBytes, constants, long
   * headDim, long segments).
   */
  void merge() {
    Gp stride = THIRD;
    Vec max = xmm(8);
    Vec sum = xmm(9);
    Label next = new Label();
    Label done = new Label();
    forEach16( // out = o
        () -> {
          for (int i = 0; i < vectors; i++) {
            a.vmovups(v(0), FIRST.at(AT, 1, i * vectorBytes));
            a.vmovups(SECOND.at(AT, 1, i * vectorBytes), v(0));
          }
        });
    a.vmovss(max, FIRST.at(AT, 1, 0)); // AT is where the outputs end
    a.vmovss(sum, FIRST.at(AT, 1, Float.BYTES));
    a.bind(next);
    a.sub(ROWS, 1);
    a.jcc(EQUAL, done);
    a.add(FIRST, stride);
    Vec nextMax = xmm(10);
    Vec newMax = xmm(11);
    a.vmovss(nextMax, FIRST.at(AT, 1, 0));
    a.vmaxps(newMax, max, nextMax);
    a.vsubps(max, max, newMax);
    a.vbroadcastss(v(1), max);
    exp(new Exp(v(6), v(1), v(2))); // a
    a.vsubps(nextMax, nextMax, newMax);
    a.vbroadcastss(v(1), nextMax);
    exp(new Exp(v(7), v(1), v(2))); // b
    a.vmovss(xmm(0), FIRST.at(AT, 1, Float.BYTES));
    a.vmulps(xmm(0), xmm(0), xmm(7));
    a.vfmadd213ps(sum, xmm(6), xmm(0));
    a.vmovups(max, newMax);
    forEach16(
        () -> {
          for (int i = 0; i < vectors; i++) {
            a.vmulps(v(0), v(7), FIRST.at(AT, 1, i * vectorBytes));
            a.vmovups(v(1), SECOND.at(AT, 1, i * vectorBytes));
            a.vfmadd213ps(v(1), v(6), v(0));
            a.vmovups(SECOND.at(AT, 1, i * vectorBytes), v(1));
          }
        });
    a.jmp(next);
    a.bind(done);
    a.vbroadcastss(v(1), sum);
    forEach16(
        () -> {
          for (int i = 0; i < vectors; i++) {
            a.vmovups(v(0), SECOND.at(AT, 1, i * vectorBytes));
            a.vdivps(v(0), v(0), v(1));
            a.vmovups(SECOND.at(AT, 1, i * vectorBytes), v(0));
          }
        });
    end();
  }

  /**
   * The largest value and the largest magnitude (as an int: NaNs are above all) of some values:
   * void f(x, result, unused, constants, long count).
   */
  void extremes() {
    Vec max = v(0);
    Vec magnitude = v(1);
    a.vmovups(max, FIRST.at(0));
    clear(magnitude);
    forEach16(
        () -> {
          for (int i = 0; i < vectors; i++) {
            a.vmovups(v(2), FIRST.at(AT, 1, i * vectorBytes));
            a.vmaxps(max, max, v(2));
            a.vandps(v(2), v(2), constant(StepConstants.MAGNITUDES));
            a.vpmaxsd(magnitude, magnitude, v(2));
          }
        });
    largest(max, v(2));
    a.vmovss(SECOND.at(0), xmm(0));
    fold(magnitude, v(2), a::vpmaxsd);
    a.vmovss(SECOND.at(Float.BYTES), xmm(1));
    end();
  }

  /**
   * weights = exp((x − subtrahend)·factor), and their sum: void f(x, weights, result, constants,
   * long count, long unused, float factor, float subtrahend).
   */
  void exp() {
    a.vbroadcastss(v(8), xmm(0));
    a.vbroadcastss(v(9), xmm(1));
    clear(v(10));
    clear(v(11));
    forEach16(
        () -> {
          for (int i = 0; i < vectors; i++) {
            a.vmovups(v(1), FIRST.at(AT, 1, i * vectorBytes));
            a.vsubps(v(1), v(1), v(9));
            a.vmulps(v(1), v(1), v(8));
            exp(new Exp(v(0), v(1), v(2)));
            a.vmovups(SECOND.at(AT, 1, i * vectorBytes), v(0));
            a.vaddps(v(10 + i), v(10 + i), v(0));
          }
        });
    join(v(10), v(11));
    a.vmovss(THIRD.at(0), xmm(10));
    end();
  }

  /** Where the next function starts. */
  int here() {
    return a.size();
  }

  byte[] code() {
    return a.code();
  }
}
