package dev.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonParser;
import dev.millrace.v1.ChatMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChatFileTest {
  private final ChatFile files = new ChatFile();

  @TempDir Path folder;

  private List<ChatMessage> read(String json) throws IOException {
    return files.read(Files.writeString(folder.resolve("talk.json"), json));
  }

  @Test
  void whatWasLoadedIsSavedAgain() throws IOException {
    String json =
        """
        [
          {"role": "user", "content": [{"type": "text", "text": "a"}, {"text": "b"}], "id": 1.0},
          {"role": "assistant", "content": null, "tool_calls": [{"id": "c", "arguments": "{}"}]},
          {"role": "tool", "name": "<f>", "tool_call_id": "c", "content": "ä"},
          {"role": "assistant", "content": "yes", "refusal": null},
          {"role": "assistant", "content": "yes"}
        ]\
        """;
    List<ChatMessage> messages = new ArrayList<>(read(json));
    messages.add(ChatMessage.newBuilder().setRole("user").setContent("more").build());
    Path saved = folder.resolve("saved.json");

    files.write(saved, messages);

    String expected = json.replace("\n]", ",{\"role\": \"user\", \"content\": \"more\"}]");
    assertThat(JsonParser.parseString(Files.readString(saved)))
        .isEqualTo(JsonParser.parseString(expected));
  }

  @Test
  void aMessagesMembersAreRead() throws IOException {
    List<ChatMessage> messages =
        read(
            """
            [{"role": "user", "content": [{"text": "a"}, {"text": "b"}]},
             {"role": "assistant", "tool_calls": [{"id": "c"}]},
             {"role": "tool", "name": "f", "tool_call_id": "c", "content": "x"}]\
            """);

    ChatMessage.Builder parts = ChatMessage.newBuilder().setRole("user");
    parts.addPartsBuilder().setText("a");
    parts.addPartsBuilder().setText("b");
    assertThat(messages)
        .containsExactly(
            parts.build(),
            ChatMessage.newBuilder()
                .setRole("assistant")
                .addToolCallsJson("{\"id\":\"c\"}")
                .build(),
            ChatMessage.newBuilder()
                .setRole("tool")
                .setName("f")
                .setToolCallId("c")
                .setContent("x")
                .build());
  }

  @Test
  void aNullMemberIsAsGoodAsNone() throws IOException {
    String nulls = ", \"name\": null, \"tool_call_id\": null, \"tool_calls\": null}]";
    String plain = "[{\"role\": \"user\", \"content\": \"hi\"";

    assertThat(read(plain + nulls)).isEqualTo(read(plain + "}]"));
    assertThatThrownBy(() -> read("[{\"role\": \"user\", \"content\": null}]"))
        .isInstanceOf(IOException.class);
  }

  @Test
  void aMessageThatCantBeReadIsNamed() {
    assertRefused("17", "it is no JSON object");
    assertRefused("{\"content\": \"x\"}", "it has no role");
    assertRefused("{\"role\": \"user\"}", "neither content nor tool_calls");
    assertRefused("{\"role\": \"user\", \"content\": {}}", "its content is no text");
    assertRefused("{\"role\": \"user\", \"content\": [1]}", "a part of its content");
    assertRefused(
        "{\"role\": \"user\", \"content\": [{\"type\": \"image_url\"}]}",
        "a part of its content has no text");
    assertRefused("{\"role\": \"assistant\", \"tool_calls\": {}}", "its tool_calls are no array");
  }

  private void assertRefused(String message, String why) {
    assertThatThrownBy(() -> read("[{\"role\": \"user\", \"content\": \"hi\"}," + message + "]"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("talk.json: message [1]: ")
        .hasMessageContaining(why);
  }
}
