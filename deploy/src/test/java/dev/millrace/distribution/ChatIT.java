package dev.millrace.distribution;

import static dev.millrace.distribution.Launcher.millrace;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Talking from a pipe, and rendering, by the launcher of the distribution. */
class ChatIT {
  @TempDir Path folder;

  /** Runs a command with lines on its standard input. */
  private Command.Result runWith(List<String> lines, String... arguments) throws IOException {
    Path input = Files.write(folder.resolve("input"), lines);
    List<String> words = new ArrayList<>(List.of("sh", "-c", "exec \"$@\" <" + input, "sh"));
    words.addAll(millrace(arguments).words());
    return Command.of(words.toArray(String[]::new)).run();
  }

  private Path write(String name, String content) throws IOException {
    return Files.writeString(folder.resolve(name), content);
  }

  @Test
  void linesFromAPipeAreAnswered() throws IOException {
    Path saved = folder.resolve("saved.json");

    Command.Result chat =
        runWith(
            List.of(
                "hello", "two \\", "lines", "/stats", "/nonsense", "/regenerate", "/save " + saved),
            "chat",
            "--model",
            TinyServer.MODEL,
            "--max-tokens",
            "4");

    assertThat(chat.exitCode()).as(chat.err()).isZero();
    assertThat(chat.err())
        .contains("last answer:", "all 2 answers:", "no command /nonsense", "saved 4 messages");
    JsonArray messages = JsonParser.parseString(Files.readString(saved)).getAsJsonArray();
    assertThat(messages.get(2).getAsJsonObject().get("content").getAsString())
        .isEqualTo("two \nlines");
    assertThat(messages.get(3).getAsJsonObject().get("role").getAsString()).isEqualTo("assistant");
  }

  @Test
  void tokensArePickedAndTakenBack() throws IOException {
    Command.Result chat =
        runWith(
            List.of("hello", "2", "", "back", "dump", "nonsense", "end"),
            "chat",
            "--pick",
            "--model",
            TinyServer.MODEL);

    assertThat(chat.exitCode()).as(chat.err()).isZero();
    assertThat(chat.err()).containsSubsequence("[0]", "[1]", "[2]", "[1]", "a number picks");
    assertThat(chat.err()).contains("(interrupted)");
    assertThat(chat.out() + chat.err()).doesNotContain("\u001b"); // a pipe has no colours
  }

  @Test
  void aConversationIsRenderedToTheByte() throws IOException {
    Path messages = write("m.json", "[{\"role\": \"user\", \"content\": \"Käse\\n\"}]");
    Path tools = write("t.json", "[{\"a\": 1.0}]");
    Path template =
        write(
            "t.jinja",
            "{{ bos_token }}{{ messages[0].content }}{{ tools | tojson }}"
                + "{{ add_generation_prompt }}{{ eos_token }}\n");

    Command.Result rendered =
        millrace(
                "render",
                "--messages",
                messages.toString(),
                "--tools",
                tools.toString(),
                "--template",
                template.toString(),
                "--bos-token",
                "<s>",
                "--eos-token",
                "</s>",
                "--no-generation-prompt")
            .run();

    assertThat(rendered.exitCode()).as(rendered.err()).isZero();
    assertThat(rendered.out()).isEqualTo("<s>Käse\n[{\"a\": 1.0}]False</s>");
  }

  @Test
  void aTemplateThatIsWrongIsSaidSo() throws IOException {
    Path messages = write("m.json", "[{\"role\": \"user\", \"content\": \"hi\"}]");
    Path template = write("t.jinja", "\n{{ messages | nosuch }}");

    Command.Result rendered =
        millrace("render", "--messages", messages.toString(), "--template", template.toString())
            .run();

    assertThat(rendered.exitCode()).isEqualTo(1);
    assertThat(rendered.out()).isEmpty();
    assertThat(rendered.err()).contains("line 2: the filter nosuch is not supported");
  }
}
