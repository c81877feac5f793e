package dev.millrace.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.time.Clock;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Functions that every template can call. */
final class Globals {
  /** As jinja2's sandbox has it. */
  private static final int MAX_RANGE = 100_000;

  private Globals() {}

  /**
   * @param clock for strftime_now
   */
  static Scope scope(Clock clock) {
    Scope scope = new Scope(null);
    Map<String, Value.Function> functions = new HashMap<>();
    functions.put("range", Globals::range);
    functions.put("dict", (in, arguments) -> dict("dict", in, arguments));
    functions.put("namespace", Globals::namespace);
    functions.put("raise_exception", Globals::raise);
    functions.put(
        "strftime_now",
        (in, arguments) -> {
          String format = arguments.bind("strftime_now", 1, "format").text(0).value();
          in.budget().make(16L * format.length());
          return Text.template(Strftime.format(format, ZonedDateTime.now(clock)));
        });
    functions.forEach((name, function) -> scope.set(name, new Value.Callable(name, function)));
    return scope;
  }

  private static Value range(Interpreter in, Arguments arguments) {
    Arguments.Bound bound = arguments.bind("range", 1, "start", "stop", "step");
    boolean fromZero = bound.find(1) == null;
    long from = fromZero ? 0 : bound.integer(0, 0);
    long to = bound.integer(fromZero ? 0 : 1, 0);
    long step = bound.integer(2, 1);
    if (step == 0) {
      throw new TemplateException("range: the step is 0");
    }
    long count = Math.max(0, Math.ceilDiv(to - from, step));
    if (count > MAX_RANGE) {
      throw new TemplateException("range: more than " + MAX_RANGE + " numbers");
    }
    in.budget().make(count);
    List<Value> items = new ArrayList<>((int) count);
    for (int i = 0; i < count; i++) {
      items.add(Value.of(from + i * step));
    }
    return new Value.Sequence(Value.Sequence.Kind.RANGE, items);
  }

  private static Value.Dict dict(String what, Interpreter in, Arguments arguments) {
    if (arguments.positional().size() > 1) {
      throw new TemplateException(what + " takes at most one positional argument");
    }
    List<Value.Dict.Entry> entries = new ArrayList<>();
    for (Value given : arguments.positional()) {
      if (given instanceof Value.Dict dict) {
        entries.addAll(dict.entries().values());
        continue;
      }
      for (Value pair : Types.iterate(given, in.budget())) {
        List<Value> parts = Types.iterate(pair, in.budget());
        if (parts.size() != 2) {
          throw new TemplateException(what + " wants pairs");
        }
        entries.add(new Value.Dict.Entry(parts.get(0), parts.get(1)));
      }
    }
    arguments
        .named()
        .forEach((name, value) -> entries.add(new Value.Dict.Entry(Text.template(name), value)));
    return Types.dict(entries, in.budget());
  }

  private static Value namespace(Interpreter in, Arguments arguments) {
    Map<String, Value> members = new LinkedHashMap<>();
    for (Value.Dict.Entry entry : dict("namespace", in, arguments).entries().values()) {
      members.put(Printer.str(entry.key(), in.budget()).value(), entry.value());
    }
    return new Value.Namespace(members);
  }

  private static Value raise(Interpreter in, Arguments arguments) {
    Value message = arguments.bind("raise_exception", 1, "message").get(0);
    String text = Printer.str(message, in.budget()).value();
    throw new TemplateException(
        "the template refuses: "
            + (text.length() <= MAX_MESSAGE ? text : text.substring(0, MAX_MESSAGE) + "..."));
  }

  private static final int MAX_MESSAGE = 1_000;

  /** Python's int of a number. */
  static Value truncate(Value number) {
    BigInteger whole = Numbers.integer(number);
    if (whole != null) {
      return new Value.Int(whole);
    }
    double real = Numbers.real(number);
    if (!Double.isFinite(real)) {
      throw new TemplateException(Numbers.repr(real) + " is no integer");
    }
    return new Value.Int(new BigDecimal(real).toBigInteger());
  }
}
