package dev.millrace.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where the prompt comes from, besides the command line itself, and how it is read. */
final class PromptOptions {
  /** Of a file or standard input; a server's own limit may be lower. */
  private static final int MAX_BYTES = 16 << 20;

  @Option(
      names = {"-f", "--file"},
      paramLabel = "F",
      description = "Reads the prompt from a file, as it is.")
  @Nullable Path file;

  @Option(
      names = "--token-ids",
      paramLabel = "ID",
      split = ",",
      description = "The prompt as token ids, between commas.")
  List<Integer> tokenIds = new ArrayList<>();

  @Option(
      names = "--messages",
      paramLabel = "F.json",
      description =
          "The prompt as a conversation: a JSON array of messages with role and content, rendered"
              + " with the model's chat template.")
  @Nullable Path messages;

  @Option(
      names = "--tools",
      paramLabel = "F.json",
      description = "With --messages: tools that the template tells of, a JSON array.")
  @Nullable Path tools;

  @Option(
      names = "--template-arguments",
      paramLabel = "JSON",
      description = "With --messages: further variables for the template, one JSON object.")
  String templateArguments = "";

  @Option(
      names = "--no-generation-prompt",
      description = "With --messages: doesn't open the assistant's turn.")
  boolean noGenerationPrompt;

  @Option(
      names = "--add-special",
      negatable = true,
      description =
          "Puts in front what the model expects (BOS), or doesn't. Default: as the model's file"
              + " says.")
  @Nullable Boolean addSpecial;

  @Option(
      names = "--parse-special",
      description =
          "Reads special tokens' own texts in the prompt, like <|im_start|>, as those tokens.")
  boolean parseSpecial;

  /** How many of the prompts here are given. */
  int count() {
    return (file == null ? 0 : 1) + (tokenIds.isEmpty() ? 0 : 1) + (messages == null ? 0 : 1);
  }

  /**
   * @param argument PROMPT of the command line, - for standard input
   */
  String text(@Nullable String argument, InputStream standardInput) throws IOException {
    if (file != null) {
      return read(file);
    }
    return argument == null || argument.equals("-")
        ? read(standardInput, "standard input")
        : argument;
  }

  /** An option's own text, or with @ in front, that of a file. */
  static String textOrFile(String value) throws IOException {
    return value.startsWith("@") ? read(Path.of(value.substring(1))) : value;
  }

  private static String read(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return read(in, file.toString());
    } catch (NoSuchFileException e) {
      throw new IOException("there is no file " + file, e);
    }
  }

  private static String read(InputStream in, String where) throws IOException {
    byte[] bytes = in.readNBytes(MAX_BYTES + 1);
    if (bytes.length > MAX_BYTES) {
      throw new IOException("the prompt in " + where + " is longer than " + MAX_BYTES + " bytes");
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new IOException(where + " isn't UTF-8", e);
    }
  }
}
