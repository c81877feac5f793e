package dev.millrace.json;

import java.util.List;
import java.util.SequencedMap;

/** Makes values of what {@link JsonReader} reads. */
public interface JsonBuilder<V> {
  /** Of null. */
  V none();

  V bool(boolean value);

  V text(String value);

  /**
   * @param literal as the document writes it
   * @throws ArithmeticException saying why, if it is beyond what this takes
   */
  V number(String literal);

  V array(List<V> items);

  /**
   * @param members in the document's order
   */
  V object(SequencedMap<String, V> members);
}
