package dev.millrace.template;

import dev.millrace.json.JsonBuilder;
import dev.millrace.json.JsonReader;
import java.math.BigInteger;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/**
 * JSON as Python reads it: 1 and 1.0 are numbers of two kinds, which templates print differently
 * (to the room json they are one). Its texts are data.
 */
public final class JsonData implements JsonBuilder<Value> {
  private JsonData() {}

  /**
   * @throws dev.millrace.json.JsonException saying what is wrong and where
   */
  public static Value read(String json) {
    return JsonReader.read(json, new JsonData());
  }

  @Override
  public Value none() {
    return Value.NONE;
  }

  @Override
  public Value bool(boolean value) {
    return value ? Value.TRUE : Value.FALSE;
  }

  @Override
  public Value text(String value) {
    return Text.data(value);
  }

  @Override
  public Value number(String literal) {
    boolean whole = literal.chars().noneMatch(c -> c == '.' || c == 'e' || c == 'E');
    return whole
        ? new Value.Int(new BigInteger(literal))
        : new Value.Real(Double.parseDouble(literal));
  }

  @Override
  public Value array(List<Value> items) {
    return Value.list(items);
  }

  @Override
  public Value object(SequencedMap<String, Value> members) {
    SequencedMap<Object, Value.Dict.Entry> entries = new LinkedHashMap<>();
    members.forEach(
        (name, value) -> entries.put(name, new Value.Dict.Entry(Text.data(name), value)));
    return new Value.Dict(entries);
  }
}
