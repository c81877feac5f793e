package dev.millrace.template;

import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a call gives. */
record Arguments(List<Value> positional, Map<String, Value> named) {
  static final Arguments NONE = new Arguments(List.of(), Map.of());

  /**
   * By a function's parameters.
   *
   * @param what for messages: "the filter join"
   * @param required how many of the first ones must be given
   */
  Bound bind(String what, int required, String... parameters) {
    if (positional.size() > parameters.length) {
      throw new TemplateException(
          "%s takes at most %d arguments, not %d"
              .formatted(what, parameters.length, positional.size()));
    }
    @Nullable Value[] values = new Value[parameters.length];
    for (int i = 0; i < positional.size(); i++) {
      values[i] = positional.get(i);
    }
    named.forEach(
        (name, value) -> {
          int at = List.of(parameters).indexOf(name);
          if (at < 0) {
            throw new TemplateException(what + " takes no argument " + name);
          }
          if (values[at] != null) {
            throw new TemplateException(what + " is given the argument " + name + " twice");
          }
          values[at] = value;
        });
    for (int i = 0; i < required; i++) {
      if (values[i] == null) {
        throw new TemplateException(what + " lacks its argument " + parameters[i]);
      }
    }
    return new Bound(what, parameters, values);
  }

  /** Values by a function's parameters; null where none was given. */
  record Bound(String what, String[] parameters, @Nullable Value[] values) {
    @Nullable Value find(int i) {
      return values[i];
    }

    Value get(int i) {
      Value value = values[i];
      if (value == null) {
        throw new TemplateException(what + " lacks its argument " + parameters[i]);
      }
      return value;
    }

    Value get(int i, Value otherwise) {
      Value value = values[i];
      return value == null ? otherwise : value;
    }

    boolean flag(int i, boolean otherwise) {
      Value value = values[i];
      return value == null ? otherwise : Types.truth(value);
    }

    Text text(int i) {
      if (get(i) instanceof Text text) {
        return text;
      }
      throw wrong(i, "a str");
    }

    /** None counts as not given. */
    @Nullable Text findText(int i) {
      Value value = values[i];
      return value == null || value instanceof Value.None ? null : text(i);
    }

    int integer(int i, int otherwise) {
      Value value = values[i];
      if (value == null) {
        return otherwise;
      }
      BigInteger whole = Numbers.integer(value);
      if (whole == null) {
        throw wrong(i, "an integer");
      }
      return Numbers.clamp(whole);
    }

    /** None counts as not given. */
    @Nullable Integer findInteger(int i) {
      Value value = values[i];
      return value == null || value instanceof Value.None ? null : (Integer) integer(i, 0);
    }

    private TemplateException wrong(int i, String wanted) {
      return new TemplateException(
          "%s wants %s for %s, not a %s"
              .formatted(what, wanted, parameters[i], Types.name(get(i))));
    }
  }
}
