package dev.millrace.kernel.emitted;

import dev.millrace.kernel.ActivationPrecision;
import java.lang.foreign.Arena;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A layout's products with activations of either precision, each emitted when it is first asked
 * for: a network meets one of them. Safe for threads.
 */
final class MultiplyCodes {
  private final PackedLayout layout;
  private final Isa isa;
  private final Arena arena;
  private volatile Map<ActivationPrecision, MultiplyCode> emitted = Map.of(); // copied on change

  /**
   * @param arena the weights': code lives as long
   */
  MultiplyCodes(PackedLayout layout, Isa isa, Arena arena) {
    this.layout = layout;
    this.isa = isa;
    this.arena = arena;
  }

  /** Of quantized weights. */
  MultiplyCode of(ActivationPrecision precision) {
    MultiplyCode code = emitted.get(precision);
    return code != null ? code : emit(precision);
  }

  /** Of plain weights, whose activations aren't rounded. */
  MultiplyCode ofPlain() {
    return of(ActivationPrecision.INT8); // any: the code is the same
  }

  private synchronized MultiplyCode emit(ActivationPrecision precision) {
    @Nullable MultiplyCode other = emitted.get(precision);
    if (other != null) {
      return other;
    }
    MultiplyCode code = MultiplyCode.emit(layout, precision, isa, arena);
    Map<ActivationPrecision, MultiplyCode> now = new EnumMap<>(ActivationPrecision.class);
    now.putAll(emitted);
    now.put(precision, code);
    emitted = now;
    return code;
  }
}
