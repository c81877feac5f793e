package dev.millrace.distribution;

import dev.millrace.catalog.ModelReference;
import dev.millrace.config.SettingsTable;
import dev.millrace.model.ModelFile;
import dev.millrace.request.ModelChat;
import dev.millrace.template.ChatTemplate;
import dev.millrace.template.Conversation;
import dev.millrace.template.JsonData;
import dev.millrace.template.TemplateException;
import dev.millrace.template.Value;
import dev.millrace.tokenizer.Tokenizer;
import dev.millrace.tokenizer.Tokenizers;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Shows what a chat template makes of a conversation. */
@Command(
    name = "render",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Prints a conversation as a chat template renders it, to the byte.",
      "The template is read as Python's jinja2 reads it with the settings of transformers, and is"
          + " given messages, tools, add_generation_prompt, bos_token and eos_token."
    })
final class RenderCommand implements Callable<Integer> {
  @Option(
      names = "--messages",
      required = true,
      paramLabel = "F.json",
      description = "The conversation: a JSON array of messages with role and content.")
  private Path messages = Path.of("");

  @Option(
      names = "--tools",
      paramLabel = "F.json",
      description = "Tools that the template may tell of: a JSON array.")
  private @Nullable Path tools;

  @Option(
      names = "--template",
      paramLabel = "F.jinja",
      description = "The template. Default: the model's own.")
  private @Nullable Path template;

  @Option(
      names = "--model",
      paramLabel = "M",
      description =
          "Whose template and special tokens: "
              + ModelReference.FORMS
              + ". Default: the catalogue's.")
  private @Nullable String model;

  @Option(
      names = "--bos-token",
      paramLabel = "S",
      description = "Text of bos_token. Default: the model's; with --template alone, undefined.")
  private @Nullable String bosToken;

  @Option(names = "--eos-token", paramLabel = "S", description = "The same for eos_token.")
  private @Nullable String eosToken;

  @Option(
      names = "--no-generation-prompt",
      description = "Doesn't open an assistant's turn at the end.")
  private boolean noGenerationPrompt;

  @Option(
      names = "--template-arguments",
      paramLabel = "JSON",
      description =
          "Further variables for the template: an object, as {\"enable_thinking\":false}.")
  private String arguments = "{}";

  @Spec private CommandSpec spec;

  private RenderCommand() {}

  static CommandLine commandLine() {
    CommandSpec spec = CommandSpec.forAnnotatedObject(new RenderCommand());
    return new CommandLine(spec.addOption(Settings.option(SettingsTable.MODEL_CACHE)));
  }

  @Override
  public Integer call() throws IOException {
    Conversation conversation =
        new Conversation(
            list("--messages", messages),
            tools == null ? List.of() : list("--tools", tools),
            !noGenerationPrompt,
            arguments());
    PrintWriter out = spec.commandLine().getOut();
    out.print(withGivenTokens(chat()).render(conversation, ModelChat.LOCAL_TIME).text());
    out.flush();
    return 0;
  }

  private ModelChat withGivenTokens(ModelChat chat) {
    return new ModelChat(
        chat.template(),
        chat.forTools(),
        Optional.ofNullable(bosToken).or(chat::bosToken),
        Optional.ofNullable(eosToken).or(chat::eosToken));
  }

  private ModelChat chat() throws IOException {
    if (template != null && model == null) {
      return new ModelChat(compile(template), Optional.empty(), Optional.empty(), Optional.empty());
    }
    ModelReference reference = ModelReference.parse(model == null ? "" : model);
    try (ModelFile file = Settings.catalog(spec.commandLine().getParseResult()).open(reference)) {
      Tokenizer tokenizer = Tokenizers.from(file.metadata());
      if (template != null) {
        return ModelChat.of(compile(template), Optional.empty(), tokenizer);
      }
      return ModelChat.from(file.metadata(), tokenizer)
          .orElseThrow(
              () -> invalid("the model has no chat template; --template F.jinja gives one"));
    }
  }

  private ChatTemplate compile(Path file) throws IOException {
    try {
      return ChatTemplate.compile(read("--template", file));
    } catch (TemplateException e) {
      throw new IOException(file + ": " + e.getMessage(), e);
    }
  }

  private List<Value> list(String option, Path file) throws IOException {
    if (json(option, read(option, file)) instanceof Value.Sequence list) {
      return list.items();
    }
    throw invalid(option + ": " + file + " is no JSON array");
  }

  private Map<String, Value> arguments() {
    if (!(json("--template-arguments", arguments) instanceof Value.Dict dict)) {
      throw invalid("--template-arguments is no JSON object");
    }
    Map<String, Value> named = dict.named();
    for (String reserved : Conversation.RESERVED) {
      if (named.containsKey(reserved)) {
        throw invalid("--template-arguments: " + reserved + " comes with the conversation");
      }
    }
    return named;
  }

  private Value json(String option, String text) {
    try {
      return JsonData.read(text);
    } catch (IllegalArgumentException e) {
      throw invalid(option + ": " + e.getMessage());
    }
  }

  private String read(String option, Path file) throws IOException {
    try {
      return Files.readString(file);
    } catch (NoSuchFileException e) {
      throw new IOException(option + ": there is no file " + file, e);
    } catch (CharacterCodingException e) {
      throw new IOException(option + ": " + file + " isn't UTF-8", e);
    }
  }

  private ParameterException invalid(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
