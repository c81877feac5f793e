package dev.millrace.distribution;

import static dev.millrace.distribution.Launcher.millrace;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.Gson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The distribution on a terminal: what a pipe doesn't show. */
class TerminalIT {
  private static final String SECONDS = "60";
  private static final String CTRL_C = "\u0003";
  private static final String CTRL_D = "\u0004";
  private static final String PROMPT = "> ";

  @TempDir Path folder;

  /** What is waited for, as a regular expression, and what is typed then. */
  private static List<String> after(String pattern, String keys) {
    return List.of(pattern, keys);
  }

  private Command onTerminal(List<List<String>> talk, String... arguments) throws IOException {
    Path file = Files.writeString(folder.resolve("talk.json"), new Gson().toJson(talk));
    List<String> words = new ArrayList<>();
    words.addAll(
        List.of(
            "python3",
            PythonEnvironment.SOURCES.resolve("talk.py").toString(),
            SECONDS,
            file.toString()));
    words.addAll(millrace(arguments).words());
    return Command.of(words.toArray(String[]::new))
        .with("TERM", "xterm")
        .with("NO_COLOR", "")
        .with("MILLRACE_JAVA_OPTS", "-Duser.home=" + folder); // which has a history of lines
  }

  @Test
  void controlCInterruptsTheTurnAndNotTheProgram() throws IOException {
    Command.Result chat =
        onTerminal(
                List.of(
                    after(PROMPT, "hello\r"),
                    after("aaaa", CTRL_C),
                    after("\\(interrupted\\)[\\s\\S]*" + PROMPT, "again\r"),
                    after("aaaa", CTRL_C),
                    after("\\(interrupted\\)[\\s\\S]*" + PROMPT, "/save saved.json\r"),
                    after("saved 4 messages[\\s\\S]*" + PROMPT, CTRL_D)),
                "chat",
                "--model=synthetic:smollm2-135m", // tiny ones have said all before a person can act
                "--logit-bias=97=100", // it says "aaaaa"
                "--max-tokens=4000")
            .in(folder)
            .run();

    assertThat(chat.exitCode()).as(chat.err() + chat.out()).isZero();
  }

  @Test
  void coloursAreOnATerminalThatWantsThemAndNowhereElse() throws IOException {
    List<List<String>> pick =
        List.of(after(PROMPT, "hello\r"), after("pick" + PROMPT, "end\r"), after(PROMPT, CTRL_D));
    String[] chat = {"chat", "--pick", "--model=" + TinyServer.MODEL};

    Command.Result coloured = onTerminal(pick, chat).run();
    Command.Result plain = onTerminal(pick, chat).with("NO_COLOR", "1").run();
    Command.Result dumb = onTerminal(pick, chat).with("TERM", "dumb").run();
    Command.Result json =
        onTerminal(pick, "chat", "--pick", "--json", "--model=" + TinyServer.MODEL).run();

    assertThat(coloured.exitCode()).as(coloured.err() + coloured.out()).isZero();
    assertThat(coloured.out()).containsPattern("\u001b\\[1m +1\u001b").contains("\u001b[2m(int");
    assertThat(plain.exitCode()).as(plain.err() + plain.out()).isZero();
    assertThat(plain.out()).containsPattern(" {3}1 +[0-9.]+% ").doesNotContain("\u001b[1m");
    assertThat(dumb.out()).containsPattern(" {3}1 +[0-9.]+% ").doesNotContain("\u001b");
    assertThat(json.out())
        .contains("{\"sequence_number\"")
        .containsPattern(" {3}1 +[0-9.]+% ")
        .doesNotContain("\u001b[1m");
  }
}
