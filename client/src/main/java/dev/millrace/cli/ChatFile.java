package dev.millrace.cli;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import dev.millrace.v1.ChatMessage;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Conversations as files: a JSON array of messages with role and content, as others have them. A
 * message that was read is written as it was read, with whatever else its author had in it.
 */
final class ChatFile {
  private final IdentityHashMap<ChatMessage, JsonObject> asRead = new IdentityHashMap<>();

  void write(Path file, List<ChatMessage> messages) throws IOException {
    JsonArray array = new JsonArray();
    for (ChatMessage message : messages) {
      JsonObject read = asRead.get(message);
      array.add(read == null ? said(message) : read);
    }
    Files.writeString(
        file,
        new GsonBuilder()
                .setPrettyPrinting()
                .disableHtmlEscaping()
                .serializeNulls()
                .create()
                .toJson(array)
            + "\n");
  }

  /** Of what is said here, there's nothing else. */
  private static JsonObject said(ChatMessage message) {
    JsonObject object = new JsonObject();
    object.addProperty("role", message.getRole());
    object.addProperty("content", message.getContent());
    return object;
  }

  /**
   * @throws IOException naming the message that can't be read
   */
  List<ChatMessage> read(Path file) throws IOException {
    List<ChatMessage> messages = new ArrayList<>();
    for (JsonElement each : array(file)) {
      try {
        JsonObject object = object(each, "it");
        ChatMessage message = message(object);
        asRead.put(message, object);
        messages.add(message);
      } catch (IllegalArgumentException e) {
        throw new IOException(
            "%s: message [%d]: %s".formatted(file, messages.size(), e.getMessage()), e);
      }
    }
    return messages;
  }

  private static ChatMessage message(JsonObject object) {
    JsonElement content = member(object, "content");
    JsonElement calls = member(object, "tool_calls");
    if (member(object, "role") == null || content == null && calls == null) {
      throw new IllegalArgumentException("it has no role, or neither content nor tool_calls");
    }
    ChatMessage.Builder message =
        ChatMessage.newBuilder()
            .setRole(text(object, "role"))
            .setName(text(object, "name"))
            .setToolCallId(text(object, "tool_call_id"));
    if (content != null && content.isJsonArray()) {
      for (JsonElement each : content.getAsJsonArray()) {
        JsonObject part = object(each, "a part of its content");
        if (member(part, "text") == null) {
          throw new IllegalArgumentException("a part of its content has no text");
        }
        message.addPartsBuilder().setText(text(part, "text"));
      }
    } else {
      message.setContent(text(object, "content"));
    }
    if (calls != null) {
      if (!calls.isJsonArray()) {
        throw new IllegalArgumentException("its tool_calls are no array");
      }
      calls.getAsJsonArray().forEach(call -> message.addToolCallsJson(call.toString()));
    }
    return message.build();
  }

  /** Null if it isn't there: a member that is null is as good as none. */
  private static @Nullable JsonElement member(JsonObject object, String name) {
    JsonElement value = object.get(name);
    return value == null || value.isJsonNull() ? null : value;
  }

  /** Empty if it isn't there. */
  private static String text(JsonObject object, String name) {
    JsonElement value = member(object, name);
    if (value == null) {
      return "";
    }
    if (value instanceof JsonPrimitive primitive && primitive.isString()) {
      return primitive.getAsString();
    }
    throw new IllegalArgumentException("its " + name + " is no text");
  }

  private static JsonObject object(JsonElement element, String what) {
    if (element.isJsonObject()) {
      return element.getAsJsonObject();
    }
    throw new IllegalArgumentException(what + " is no JSON object");
  }

  /** The documents of a JSON array, as tools are given. */
  static List<String> documents(Path file) throws IOException {
    List<String> documents = new ArrayList<>();
    array(file).forEach(each -> documents.add(each.toString()));
    return documents;
  }

  private static JsonArray array(Path file) throws IOException {
    try {
      return JsonParser.parseString(Files.readString(file)).getAsJsonArray();
    } catch (NoSuchFileException e) {
      throw new IOException("there is no file " + file, e);
    } catch (CharacterCodingException e) {
      throw new IOException(file + " is no UTF-8", e);
    } catch (JsonParseException | IllegalStateException e) {
      throw new IOException(file + " is no JSON array: " + e.getMessage(), e);
    }
  }
}
