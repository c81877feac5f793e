package dev.millrace.distribution;

import com.google.gson.FieldNamingPolicy;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonPrimitive;
import com.google.gson.JsonSerializer;
import java.nio.file.Path;

/** Records as JSON, an object a line: fields in snake case, none where a value is null. */
final class JsonLines {
  static final String DESCRIPTION = "Prints JSON, an object a line.";

  /** JSON has no numbers that aren't finite: they are strings, as in protobuf's JSON. */
  private static final JsonSerializer<Number> NUMBER =
      (number, type, context) ->
          Double.isFinite(number.doubleValue())
              ? new JsonPrimitive(number)
              : new JsonPrimitive(number.toString());

  private static final Gson GSON =
      new GsonBuilder()
          .disableHtmlEscaping()
          .setFieldNamingPolicy(FieldNamingPolicy.LOWER_CASE_WITH_UNDERSCORES)
          .registerTypeAdapter(double.class, NUMBER)
          .registerTypeAdapter(Double.class, NUMBER)
          .registerTypeAdapter(float.class, NUMBER)
          .registerTypeAdapter(Float.class, NUMBER)
          .registerTypeHierarchyAdapter(
              Path.class,
              (JsonSerializer<Path>) (path, type, context) -> new JsonPrimitive(path.toString()))
          .create();

  private JsonLines() {}

  static String line(Record fields) {
    return GSON.toJson(fields);
  }
}
