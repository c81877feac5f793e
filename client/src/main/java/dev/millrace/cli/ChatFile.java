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
    try {
      for (JsonElement each : JsonParser.parseString(Files.readString(file)).getAsJsonArray()) {
        JsonObject object = each.getAsJsonObject();
        if (!object.has("role") || !object.has("content")) {
          throw new IOException(file + " has a message without role or content");
        }
        messages.add(
            ChatMessage.newBuilder()
                .setRole(object.get("role").getAsString())
                .setContent(object.get("content").getAsString())
                .build());
      }
    } catch (NoSuchFileException e) {
      throw new IOException("there is no file " + file, e);
    } catch (JsonParseException | IllegalStateException | UnsupportedOperationException e) {
      throw new IOException(file + " is no JSON array of messages: " + e.getMessage(), e);
    }
    return messages;
  }
}
