package dev.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import dev.millrace.client.FakeServer;
import dev.millrace.client.FakeServer.Answer;
import dev.millrace.v1.ChatMessage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import org.jline.reader.LineReaderBuilder;
import org.jline.terminal.impl.DumbTerminal;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.Timeout.ThreadMode;
import org.junit.jupiter.api.io.TempDir;

/** Talking with a server that answers at once. */
@Timeout(value = 60, threadMode = ThreadMode.SEPARATE_THREAD)
class ChatTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();

  @TempDir Path folder;

  /** What a person types; the line may take something to happen first. */
  @FunctionalInterface
  private interface Line {
    String type() throws IOException;
  }

  /** Types a line when it is asked for, and not before. */
  private static final class Typing extends InputStream {
    private final Iterator<Line> lines;
    private InputStream line = InputStream.nullInputStream();

    Typing(Line... lines) {
      this.lines = List.of(lines).iterator();
    }

    @Override
    public int read() {
      throw new UnsupportedOperationException();
    }

    @Override
    public int read(byte[] buffer, int from, int length) throws IOException {
      int read = line.read(buffer, from, length);
      if (read >= 0 || !lines.hasNext()) {
        return read;
      }
      String typed = lines.next().type() + "\n";
      line = new ByteArrayInputStream(typed.getBytes(StandardCharsets.UTF_8));
      return line.read(buffer, from, length);
    }
  }

  private Streams streams(InputStream in) {
    return new Streams(
        in, out, new PrintStream(err, true, StandardCharsets.UTF_8), () -> Palette.PLAIN);
  }

  private int chat(FakeServer server, Line... lines) {
    return Millrace.commandLine(streams(new Typing(lines)), Optional.empty())
        .execute("chat", "--target=" + server.target());
  }

  private String err() {
    return err.toString(StandardCharsets.UTF_8);
  }

  private Line save() {
    return () -> "/save " + folder.resolve("saved.json");
  }

  private List<String> saved() throws IOException {
    List<String> contents = new ArrayList<>();
    for (JsonElement message :
        JsonParser.parseString(Files.readString(folder.resolve("saved.json"))).getAsJsonArray()) {
      contents.add(message.getAsJsonObject().get("content").getAsString());
    }
    return contents;
  }

  @Test
  void aConversationGoesOnAfterItsServerWasRestartedBetweenTurns() throws Exception {
    List<FakeServer> servers = new ArrayList<>();
    try (FakeServer first = new FakeServer(Answer::whole)) {
      int port = first.target().port();
      int code =
          chat(
              first,
              () -> "one",
              () -> {
                first.stop();
                servers.add(new FakeServer(port));
                return "two";
              },
              () -> {
                servers.getLast().stop();
                servers.add(new FakeServer(port));
                return "/regenerate";
              },
              () -> "three",
              save());

      assertThat(code).as(err()).isEqualTo(ExitCode.OK);
      assertThat(opened(servers.get(0))).containsExactly("one", "answer 1", "two");
      assertThat(opened(servers.get(1))).containsExactly("one", "answer 1", "two");
      assertThat(saved())
          .containsExactly("one", "answer 1", "two", "answer 1", "three", "answer 2");
    } finally {
      servers.forEach(FakeServer::close);
    }
  }

  private static List<String> opened(FakeServer server) {
    return server.commands.getFirst().getOpen().getRequest().getChat().getMessagesList().stream()
        .map(ChatMessage::getContent)
        .toList();
  }

  @Test
  void whatFailsLeavesTheConversationAsItWas() throws Exception {
    try (FakeServer server = new FakeServer(Answer::whole)) {
      int code =
          chat(
              server,
              () -> "one",
              () -> {
                server.stop();
                return "two";
              },
              () -> "/regenerate",
              save());

      assertThat(code).as(err()).isEqualTo(ExitCode.OK);
      assertThat(err().lines().filter(line -> line.startsWith("millrace: "))).hasSize(2);
      assertThat(saved()).containsExactly("one", "answer 1");
    }
  }

  @Test
  void aFileThatCantBeLoadedLeavesTheConversationAsItWas() throws Exception {
    Path bad =
        Files.writeString(
            folder.resolve("bad.json"), "[{\"role\": \"user\", \"content\": [{\"a\": 1}]}]");
    try (FakeServer server = new FakeServer(Answer::whole)) {
      int code = chat(server, () -> "one", () -> "/load " + bad, () -> "/load \0", save());

      assertThat(code).as(err()).isEqualTo(ExitCode.OK);
      assertThat(err()).contains("bad.json: message [0]:", "no file can have this name");
      assertThat(saved()).containsExactly("one", "answer 1");
    }
  }

  @Test
  void whatWasLoadedIsSavedAgainWithWhatIsSaidSince() throws Exception {
    String parts = "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}";
    Path talk = Files.writeString(folder.resolve("talk.json"), "[" + parts + "]");
    try (FakeServer server = new FakeServer(Answer::whole)) {
      chat(server, () -> "/load " + talk, () -> "/system be kind", save());
    }

    String saved = Files.readString(folder.resolve("saved.json"));
    assertThat(JsonParser.parseString(saved).getAsJsonArray())
        .hasSize(3)
        .contains(JsonParser.parseString(parts));
  }

  @Test
  void theEndOfATerminalsInputEndsAMessageOfSeveralLines() throws Exception {
    String typed = "\"\"\"\ntwo\nlines\n";
    try (FakeServer server = new FakeServer(Answer::whole);
        DumbTerminal terminal =
            new DumbTerminal(
                new ByteArrayInputStream(typed.getBytes(StandardCharsets.UTF_8)),
                new ByteArrayOutputStream());
        Lines lines =
            new Lines.OnTerminal(
                terminal, LineReaderBuilder.builder().terminal(terminal).build())) {
      Streams streams = streams(InputStream.nullInputStream());
      ChatCommand options = ChatCommand.commandLine(streams, Optional.empty()).getCommand();
      try (Conversation conversation = new Conversation(List.of(server.target()), "", options)) {
        new ChatLoop(streams, lines, conversation, options).run();
      }

      assertThat(opened(server)).containsExactly("two\nlines");
    }
  }
}
