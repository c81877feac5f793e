package dev.millrace.grammar.schema;

import dev.millrace.json.JsonValue;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

/** Finds what a $ref means: always a place in the same document. */
final class References {
  private final Part root;
  private final String id;
  private final Map<String, Part> anchors = new HashMap<>();

  References(Part root) {
    this.root = root;
    this.id =
        root.get("$id") instanceof JsonValue.Text text ? text.value().replaceFirst("#$", "") : "";
    findAnchors(root.schema(), "");
  }

  /** Depth is what the document's reader allows. */
  private void findAnchors(JsonValue value, String pointer) {
    if (pointer.length() > Part.MAX_POINTER) {
      return; // no schema can be here, but what isn't one may
    }
    switch (value) {
      case JsonValue.Members object -> {
        if (object.members().get("$anchor") instanceof JsonValue.Text name) {
          anchors.putIfAbsent(name.value(), new Part(pointer, value));
        }
        object.members().forEach((name, member) -> findAnchors(member, Part.child(pointer, name)));
      }
      case JsonValue.Array array -> {
        for (int i = 0; i < array.items().size(); i++) {
          findAnchors(array.items().get(i), pointer + "/" + i);
        }
      }
      case JsonValue.Null _, JsonValue.Bool _, JsonValue.Text _, JsonValue.Decimal _ -> {}
    }
  }

  Part resolve(Part from) {
    String reference = from.text("$ref", from.value("$ref"));
    String fragment = reference;
    if (!id.isEmpty() && reference.startsWith(id)) {
      fragment = reference.substring(id.length());
    }
    if (fragment.isEmpty() || fragment.equals("#")) {
      return root;
    }
    if (!fragment.startsWith("#")) {
      throw from.wrong(
          "$ref", "is " + reference + "; only places in the same schema (#...) are looked up");
    }
    String place = decode(from, fragment.substring(1));
    if (!place.startsWith("/")) {
      Part anchored = anchors.get(place);
      if (anchored == null) {
        throw from.wrong("$ref", "is " + reference + "; no $anchor is called so");
      }
      return anchored;
    }
    JsonValue at = root.schema();
    for (String token : place.substring(1).split("/", -1)) {
      at = step(from, reference, at, token.replace("~1", "/").replace("~0", "~"));
    }
    return new Part(place, at);
  }

  private static String decode(Part from, String fragment) {
    try {
      return URLDecoder.decode(fragment.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      throw from.wrong("$ref", "has a '%' without two digits: " + e.getMessage());
    }
  }

  private static JsonValue step(Part from, String reference, JsonValue at, String token) {
    if (at instanceof JsonValue.Members object) {
      JsonValue member = object.members().get(token);
      if (member != null) {
        return member;
      }
    }
    if (at instanceof JsonValue.Array array && token.matches("0|[1-9][0-9]{0,8}")) {
      int index = Integer.parseInt(token);
      if (index < array.items().size()) {
        return array.items().get(index);
      }
    }
    throw from.wrong("$ref", "is " + reference + "; there is no such place in the schema");
  }
}
