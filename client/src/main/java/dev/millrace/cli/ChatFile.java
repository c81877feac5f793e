package dev.millrace.cli;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import dev.millrace.v1.ChatMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Conversations as files: a JSON array of messages with role and content, as others have them. */
final class ChatFile {
  private ChatFile() {}

  static void write(Path file, List<ChatMessage> messages) throws IOException {
    JsonArray array = new JsonArray();
    for (ChatMessage message : messages) {
      JsonObject object = new JsonObject();
      object.addProperty("role", message.getRole());
      object.addProperty("content", message.getContent());
      array.add(object);
    }
    Files.writeString(
        file,
        new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create().toJson(array) + "\n");
  }

  static List<ChatMessage> read(Path file) throws IOException {
    List<ChatMessage> messages = new ArrayList<>();
    for (JsonElement each : array(file)) {
      try {
        messages.add(message(each.getAsJsonObject()));
      } catch (IllegalStateException | UnsupportedOperationException e) {
        throw new IOException(
            file + ": message " + messages.size() + " isn't one: " + e.getMessage(), e);
      }
    }
    return messages;
  }

  private static ChatMessage message(JsonObject object) {
    if (!object.has("role") || !(object.has("content") || object.has("tool_calls"))) {
      throw new IllegalStateException("it has no role, or no content");
    }
    ChatMessage.Builder message =
        ChatMessage.newBuilder()
            .setRole(object.get("role").getAsString())
            .setName(text(object, "name"))
            .setToolCallId(text(object, "tool_call_id"));
    if (object.has("content") && object.get("content").isJsonArray()) {
      for (JsonElement part : object.getAsJsonArray("content")) {
        message.addPartsBuilder().setText(part.getAsJsonObject().get("text").getAsString());
      }
    } else {
      message.setContent(text(object, "content"));
    }
    if (object.has("tool_calls")) {
      object
          .getAsJsonArray("tool_calls")
          .forEach(call -> message.addToolCallsJson(call.toString()));
    }
    return message.build();
  }

  private static String text(JsonObject object, String name) {
    JsonElement value = object.get(name);
    return value == null || value.isJsonNull() ? "" : value.getAsString();
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
    } catch (JsonParseException | IllegalStateException e) {
      throw new IOException(file + " is no JSON array: " + e.getMessage(), e);
    }
  }
}
