package dev.millrace.request;

import static dev.millrace.request.InvalidRequestException.invalid;

import com.google.protobuf.ByteString;
import dev.millrace.template.Conversation;
import dev.millrace.template.JsonData;
import dev.millrace.template.Rendering;
import dev.millrace.template.TemplateException;
import dev.millrace.template.Text;
import dev.millrace.template.Value;
import dev.millrace.v1.ChatMessage;
import dev.millrace.v1.ChatPrompt;
import dev.millrace.v1.ContentPart;
import java.time.Clock;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Conversations as text and token ids. Templates take time, within limits: never on an event loop.
 *
 * <p>Special tokens are read where the template wrote them, and nowhere else: what people say can't
 * end their turn or begin another one. What a template adds is all that is added; a BOS token is
 * its business.
 */
public final class ChatReader {
  private ChatReader() {}

  public static int[] encode(Rendering rendering, ModelProfile model) {
    return model.tokenizer().encodeMarked(rendering.text(), rendering.byTemplate(), false);
  }

  /**
   * @param clock for templates that tell the date
   * @throws InvalidRequestException naming the field at fault: the template's refusal is chat's
   */
  public static Rendering render(ChatPrompt asked, ModelProfile model, Clock clock) {
    ModelChat chat = model.chat().require();
    Checks.noUnknownFields("chat", asked);
    boolean addGenerationPrompt = !asked.hasAddGenerationPrompt() || asked.getAddGenerationPrompt();
    Conversation conversation =
        new Conversation(
            messages("chat.messages", asked.getMessagesList()),
            documents("chat.tools_json", asked.getToolsJsonList(), Limits.MAX_TOOLS),
            addGenerationPrompt,
            arguments(asked.getTemplateArgumentsJson()));
    try {
      return chat.render(conversation, clock);
    } catch (TemplateException e) {
      throw invalid("chat", "the model's chat template: " + e.getMessage());
    }
  }

  private static List<Value> messages(String path, List<ChatMessage> asked) {
    Checks.atMost(path, "messages", asked.size(), Limits.MAX_MESSAGES);
    if (asked.isEmpty()) {
      throw invalid(path, "there is none; at least one is needed");
    }
    List<Value> messages = new ArrayList<>();
    for (int i = 0; i < asked.size(); i++) {
      messages.add(message(path + "[" + i + "]", asked.get(i)));
    }
    return messages;
  }

  private static Value message(String path, ChatMessage asked) {
    Map<String, Value> members = new LinkedHashMap<>();
    if (asked.getRole().isEmpty()) {
      throw invalid(path + ".role", "is empty; user, assistant, system or tool, say");
    }
    addName(path, "role", asked.getRole(), members);
    members.put("content", Text.data(content(path, asked)));
    addName(path, "name", asked.getName(), members);
    addName(path, "tool_call_id", asked.getToolCallId(), members);
    if (asked.getToolCallsJsonCount() > 0) {
      List<Value> calls =
          documents(path + ".tool_calls_json", asked.getToolCallsJsonList(), Limits.MAX_TOOL_CALLS);
      members.put("tool_calls", Value.list(calls.stream().map(ChatReader::readArguments).toList()));
    }
    return Value.Dict.of(members);
  }

  private static void addName(String path, String field, String text, Map<String, Value> members) {
    if (!text.isEmpty()) {
      Checks.atMost(path + "." + field, "characters", text.length(), Limits.MAX_NAME_CHARACTERS);
      members.put(field, Text.data(text));
    }
  }

  /** Parts of text as one, a line each: every template takes that, few take parts. */
  private static String content(String path, ChatMessage asked) {
    if (asked.getPartsCount() == 0) {
      return asked.getContent();
    }
    if (!asked.getContent().isEmpty()) {
      throw invalid(path + ".parts", "content is given as well; give one of them");
    }
    Checks.atMost(path + ".parts", "parts", asked.getPartsCount(), Limits.MAX_CONTENT_PARTS);
    for (int i = 0; i < asked.getPartsCount(); i++) {
      if (!asked.getParts(i).hasText()) {
        throw invalid(path + ".parts[" + i + "]", "has no text");
      }
    }
    return asked.getPartsList().stream()
        .map(ContentPart::getText)
        .collect(Collectors.joining("\n"));
  }

  private static List<Value> documents(String path, List<String> asked, int most) {
    Checks.atMost(path, "documents", asked.size(), most);
    List<Value> documents = new ArrayList<>();
    for (int i = 0; i < asked.size(); i++) {
      documents.add(object(path + "[" + i + "]", asked.get(i)));
    }
    return documents;
  }

  private static Value.Dict object(String path, String json) {
    Checks.atMost(path, "bytes", ByteString.copyFromUtf8(json).size(), Limits.MAX_JSON_BYTES);
    try {
      if (JsonData.read(json) instanceof Value.Dict object) {
        return object;
      }
    } catch (IllegalArgumentException e) {
      throw invalid(path, String.valueOf(e.getMessage()));
    }
    throw invalid(path, "is JSON, but no object");
  }

  /** OpenAI's calls have their arguments as a text with JSON in it; templates want the object. */
  private static Value readArguments(Value call) {
    if (!(call instanceof Value.Dict entry
        && entry.get("function") instanceof Value.Dict function
        && function.get("arguments") instanceof Text text)) {
      return call;
    }
    try {
      return JsonData.read(text.value()) instanceof Value.Dict arguments
          ? entry.with("function", function.with("arguments", arguments))
          : call;
    } catch (IllegalArgumentException e) {
      return call; // a model wrote it, and not well: it stays the text that it is
    }
  }

  private static Map<String, Value> arguments(String json) {
    if (json.isEmpty()) {
      return Map.of();
    }
    Map<String, Value> named = object("chat.template_arguments_json", json).named();
    for (String reserved : Conversation.RESERVED) {
      if (named.containsKey(reserved)) {
        throw invalid(
            "chat.template_arguments_json", reserved + " has a field of its own; give it there");
      }
    }
    return named;
  }
}
