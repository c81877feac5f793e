package dev.millrace.template;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a chat template is given, under the names that transformers gives it.
 *
 * @param messages dicts with role, content, ...
 * @param tools none is None, as without any
 * @param arguments further variables; they override the special tokens, nothing else
 */
public record Conversation(
    List<Value> messages,
    List<Value> tools,
    boolean addGenerationPrompt,
    Map<String, Value> arguments) {

  /** Names that a conversation's own parts have. */
  public static final List<String> RESERVED = List.of("messages", "tools", "add_generation_prompt");

  private static final int MAX_ROLE_CHARACTERS = 64;

  /**
   * @param bosToken its text; undefined in the template where the model has none
   */
  public Map<String, Value> variables(Optional<String> bosToken, Optional<String> eosToken) {
    Map<String, Value> variables = new LinkedHashMap<>();
    bosToken.ifPresent(text -> variables.put("bos_token", Text.template(text)));
    eosToken.ifPresent(text -> variables.put("eos_token", Text.template(text)));
    variables.put("documents", Value.NONE);
    variables.putAll(arguments);
    variables.put("messages", Value.list(messages.stream().map(Conversation::trustRole).toList()));
    variables.put("tools", tools.isEmpty() ? Value.NONE : Value.list(tools));
    variables.put("add_generation_prompt", Value.of(addGenerationPrompt));
    return variables;
  }

  /**
   * Templates make special tokens with roles in them ({@code '<|' + message.role + '|>'}), so a
   * role that is a plain word counts as the template's: it can't be a special token by itself.
   */
  private static Value trustRole(Value message) {
    if (message instanceof Value.Dict dict
        && dict.get("role") instanceof Text role
        && isWord(role.value())) {
      return dict.with("role", Text.template(role.value()));
    }
    return message;
  }

  private static boolean isWord(String role) {
    return role.length() <= MAX_ROLE_CHARACTERS
        && role.chars()
            .allMatch(c -> c < 0x80 && (Character.isLetterOrDigit(c) || c == '_' || c == '-'));
  }
}
