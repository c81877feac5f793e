package dev.millrace.cli;

import com.google.protobuf.util.JsonFormat;
import dev.millrace.client.MillraceException;
import dev.millrace.v1.CandidateFinished;
import dev.millrace.v1.ChatMessage;
import dev.millrace.v1.ConverseResponse;
import dev.millrace.v1.FinishReason;
import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Reads what a person says, and shows what the model answers. */
final class ChatLoop {
  private static final JsonFormat.Printer JSON =
      JsonFormat.printer().omittingInsignificantWhitespace().preservingProtoFieldNames();

  private static final String HELP =
      """
      /system TEXT    tells the model something first; without TEXT, nothing any more
      /regenerate     has the last answer given again
      /save F.json    writes the conversation
      /load F.json    goes on from a conversation that was written
      /stats          tells counts and speed of the last answer, and of all
      /help           tells this
      /exit           leaves, as Ctrl-D does
      A line that ends with \\ goes on in the next one; so do lines between two lines of \"\"\".
      Ctrl-C interrupts an answer. What was said of it stays in the conversation.\
      """;

  private final Streams streams;
  private final Lines lines;
  private final Conversation conversation;
  private final ChatCommand options;
  private final Palette palette;
  private final ChatStats stats = new ChatStats();
  private final ChatFile files = new ChatFile();

  ChatLoop(Streams streams, Lines lines, Conversation conversation, ChatCommand options) {
    this.streams = streams;
    this.lines = lines;
    this.conversation = conversation;
    this.options = options;
    this.palette = options.json ? Palette.PLAIN : streams.palette().get();
  }

  void run() throws IOException {
    lines.onInterrupt(conversation::interrupt);
    begin();
    String said = read();
    while (said != null && !said.equals("/exit")) {
      if (said.startsWith("/")) {
        command(said);
      } else if (!said.isBlank()) {
        conversation.say(said);
        answer();
      }
      said = read();
    }
  }

  private void begin() throws IOException {
    List<ChatMessage> history = new ArrayList<>();
    if (options.load != null) {
      history.addAll(files.read(options.load));
    }
    conversation.restart(options.system.isEmpty() ? history : withSystem(history, options.system));
    if (conversation.wantsAnswer()) {
      answer();
    }
  }

  // ---- what is said

  /** One thing said, of one line or several; null at the end. */
  private @Nullable String read() throws IOException {
    String line = lines.next(palette.prompt("> "));
    if (line == null) {
      return null;
    }
    if (line.equals("\"\"\"")) {
      return readUntilQuotes();
    }
    StringBuilder said = new StringBuilder();
    while (line != null && line.endsWith("\\")) {
      said.append(line, 0, line.length() - 1).append('\n');
      line = lines.next(palette.prompt(". "));
    }
    return said.append(line == null ? "" : line).toString();
  }

  private String readUntilQuotes() throws IOException {
    List<String> block = new ArrayList<>();
    String line = lines.next(palette.prompt(". "));
    while (line != null && !line.equals("\"\"\"")) {
      block.add(line);
      line = lines.next(palette.prompt(". "));
    }
    return String.join("\n", block);
  }

  private void command(String line) throws IOException {
    int blank = line.indexOf(' ');
    String name = blank < 0 ? line : line.substring(0, blank);
    String argument = blank < 0 ? "" : line.substring(blank + 1).strip();
    try {
      switch (name) {
        case "/system" -> conversation.restart(withSystem(conversation.messages(), argument));
        case "/regenerate" -> regenerate();
        case "/save" -> {
          files.write(file(name, argument), conversation.messages());
          tell("saved " + conversation.messages().size() + " messages");
        }
        case "/load" -> {
          conversation.restart(files.read(file(name, argument)));
          tell("loaded " + conversation.messages().size() + " messages");
          if (conversation.wantsAnswer()) {
            answer();
          }
        }
        case "/stats" -> tell(stats.toString());
        case "/help" -> tell(HELP);
        default -> tell("there is no command " + name + "; /help tells them");
      }
    } catch (IOException e) {
      tell(name + ": " + e.getMessage());
    }
  }

  private static Path file(String command, String argument) throws IOException {
    if (argument.isEmpty()) {
      throw new IOException("which file? " + command + " F.json");
    }
    try {
      return Path.of(argument);
    } catch (InvalidPathException e) {
      throw new IOException("no file can have this name: " + e.getMessage(), e);
    }
  }

  private static List<ChatMessage> withSystem(List<ChatMessage> messages, String system) {
    List<ChatMessage> changed = new ArrayList<>(messages);
    changed.removeIf(message -> message.getRole().equals("system"));
    if (!system.isEmpty()) {
      changed.addFirst(ChatMessage.newBuilder().setRole("system").setContent(system).build());
    }
    return changed;
  }

  private void regenerate() throws IOException {
    List<ChatMessage> before = List.copyOf(conversation.messages());
    if (!conversation.regenerate()) {
      tell("there is no answer yet");
      return;
    }
    show(before);
  }

  private void tell(String text) {
    streams.err().println(palette.note(text));
  }

  // ---- what is answered

  private void answer() throws IOException {
    List<ChatMessage> messages = conversation.messages();
    List<ChatMessage> before = List.copyOf(messages.subList(0, messages.size() - 1));
    conversation.ask();
    show(before);
  }

  /**
   * @param before what the conversation is again if answering fails
   */
  private void show(List<ChatMessage> before) throws IOException {
    lines.onInterrupt(conversation::interrupt);
    stats.begin();
    StringBuilder text = new StringBuilder();
    Picker picker = new Picker(streams, palette, lines, conversation);
    try {
      ConverseResponse event;
      do {
        event = conversation.next();
        stats.note(event);
        show(event, text, picker);
      } while (!event.hasSummary());
      conversation.answered(text.toString());
    } catch (MillraceException | IllegalStateException e) {
      endLine(text);
      streams.err().println(palette.error("millrace: " + e.getMessage()));
      conversation.restart(before);
    }
  }

  private void show(ConverseResponse event, StringBuilder text, Picker picker) throws IOException {
    if (options.json) {
      streams.print(JSON.print(event) + "\n");
    }
    switch (event.getEventCase()) {
      case DELTA -> {
        text.append(event.getDelta().getText());
        if (!options.json && !options.pick) {
          streams.print(event.getDelta().getText());
        }
      }
      case PICK -> picker.ask(event.getPick(), text);
      case FINISHED -> finish(event.getFinished(), text);
      default -> {}
    }
  }

  private void finish(CandidateFinished finished, StringBuilder text) throws IOException {
    if (options.pick && !options.json) {
      streams.print(text.toString());
    }
    endLine(text);
    if (finished.getReason() != FinishReason.FINISH_REASON_END_OF_TEXT) {
      String why = finished.getReason().name().replace("FINISH_REASON_", "");
      tell("(" + why.toLowerCase(Locale.ROOT).replace('_', ' ') + ")");
    }
  }

  private void endLine(StringBuilder text) throws IOException {
    if (!options.json && !text.isEmpty()) {
      streams.print("\n");
    }
  }
}
