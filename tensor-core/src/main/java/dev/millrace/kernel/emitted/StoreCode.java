package dev.millrace.kernel.emitted;

import static dev.millrace.assembler.Assembler.Condition.NOT_EQUAL;
import static dev.millrace.assembler.Vec.xmm;
import static dev.millrace.assembler.Vec.ymm;

import dev.millrace.assembler.Assembler;
import dev.millrace.assembler.CodePages;
import dev.millrace.assembler.Gp;
import dev.millrace.assembler.Label;
import dev.millrace.kv.KvLayer;
import dev.millrace.kv.KvType;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Stores one head's keys and values of one position. A key's features lie in as many cache lines,
 * which a large model's weights have driven out of the caches since the last step: they are all
 * fetched first, so that no store waits for its own. In AVX2: memory is what takes time.
 *
 * <pre>void f(k, v, keys, values, long bytes from a key's feature to the next, long features)</pre>
 */
final class StoreCode {
  private static final Gp K = Gp.RDI;
  private static final Gp V = Gp.RSI;
  private static final Gp KEYS = Gp.RDX;
  private static final Gp VALUES = Gp.RCX;
  private static final Gp STEP = Gp.R8;
  private static final Gp FEATURES = Gp.R9;
  private static final Gp AHEAD = Gp.R10;
  private static final Gp LEFT = Gp.R11;

  /** Of a head, that are stored at once: must divide its features. */
  static final int AT_ONCE = 8;

  private static final MethodHandle CALL =
      CodePages.caller(
          FunctionDescriptor.ofVoid(
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG));

  private final Assembler a = new Assembler();
  private final KvType type;
  private final MemorySegment function;

  StoreCode(KvType type, Arena arena) {
    this.type = type;
    emit();
    function = CodePages.of(a.code(), arena).at(0);
  }

  private void emit() {
    Label fetch = new Label();
    a.mov(AHEAD, KEYS);
    a.mov(LEFT, FEATURES);
    a.bind(fetch);
    a.prefetcht0(AHEAD.at(0));
    a.add(AHEAD, STEP);
    a.sub(LEFT, 1);
    a.jcc(NOT_EQUAL, fetch);

    Label store = new Label();
    a.bind(store);
    a.vmovups(ymm(0), K.at(0));
    a.vmovups(ymm(1), V.at(0));
    switch (type) {
      case F16 -> {
        a.vcvtps2ph(VALUES.at(0), ymm(1));
        a.vcvtps2ph(xmm(0), ymm(0));
        for (int i = 0; i < AT_ONCE; i++) {
          a.vpextrw(KEYS.at(0), xmm(0), i);
          a.add(KEYS, STEP);
        }
      }
      case F32 -> {
        a.vmovups(VALUES.at(0), ymm(1));
        a.vextractf128(xmm(1), ymm(0), 1);
        for (int i = 0; i < AT_ONCE; i++) {
          a.vpextrd(KEYS.at(0), xmm(i / 4), i % 4);
          a.add(KEYS, STEP);
        }
      }
    }
    a.add(K, AT_ONCE * Float.BYTES);
    a.add(V, AT_ONCE * Float.BYTES);
    a.add(VALUES, AT_ONCE * type.bytes());
    a.sub(FEATURES, AT_ONCE);
    a.jcc(NOT_EQUAL, store);
    a.vzeroupper();
    a.ret();
  }

  /** All heads' of one position; addresses are of the first head's floats. */
  void run(KvLayer layer, int block, int slot, long k, long v) {
    int headDim = layer.headDim();
    long keyStep = (long) layer.blockSize() * type.bytes();
    for (int head = 0; head < layer.kvHeads(); head++) {
      long from = (long) head * headDim * Float.BYTES;
      long keys = layer.k().address() + layer.keyOffset(block, head, slot, 0);
      long values = layer.v().address() + layer.valueOffset(block, head, slot, 0);
      try {
        CALL.invokeExact(function, k + from, v + from, keys, values, keyStep, (long) headDim);
      } catch (RuntimeException | Error e) {
        throw e;
      } catch (Throwable e) {
        throw new AssertionError("emitted code throws nothing", e);
      }
    }
  }
}
