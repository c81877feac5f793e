package dev.millrace.grpc;

import dev.millrace.engine.Engine;
import dev.millrace.pipeline.Generator;
import dev.millrace.request.ModelProfile;
import dev.millrace.v1.Model;

/**
 * A model that callers can ask for.
 *
 * @param reference as the server was told to load it; callers may ask for it by this, too
 * @param description what ModelService tells of it
 */
public record ServedModel(
    String reference,
    ModelProfile profile,
    Model description,
    Engine engine,
    Generator generator) {}
