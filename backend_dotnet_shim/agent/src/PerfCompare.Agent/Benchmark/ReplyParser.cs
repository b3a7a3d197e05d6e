using System.Text.Json;

namespace PerfCompare.Agent.Benchmark;

/// <summary>
/// Reads a reply of the model server: one object, or one per line. It decides what the client
/// library does not: whether the reply finished and whether it holds an error.
/// </summary>
internal static class ReplyParser
{
    private static readonly JsonReaderOptions s_options = new() { AllowMultipleValues = true };

    /// <exception cref="JsonException">The body is not such a reply; the message says why.</exception>
    public static ParsedReply Parse(ReadOnlySpan<byte> body)
    {
        var reader = new Utf8JsonReader(body, s_options);
        var reply = ModelReply.Unknown;
        var isDone = false;
        while (reader.Read())
        {
            using var document = JsonDocument.ParseValue(ref reader);
            var root = document.RootElement;
            if (root.ValueKind is not JsonValueKind.Object)
            {
                throw new JsonException("the reply is not a JSON object");
            }

            if (root.TryGetProperty("error", out var error))
            {
                return new(ModelReply.Unknown, IsDone: false, Text(error));
            }

            CheckMessage(root);
            isDone = Flag(root, "done");
            reply = Figures(root);
        }

        return new(reply, isDone, Error: null);
    }

    /// <summary>The <c>error</c> member of a body, or null.</summary>
    public static string? FindError(ReadOnlySpan<byte> body)
    {
        try
        {
            var reader = new Utf8JsonReader(body);
            using var document = JsonDocument.ParseValue(ref reader);
            return document.RootElement.ValueKind is JsonValueKind.Object
                && document.RootElement.TryGetProperty("error", out var error)
                    ? Text(error)
                    : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static ModelReply Figures(JsonElement reply) => new(
        Known(reply, "total_duration"),
        Known(reply, "load_duration"),
        Known(reply, "prompt_eval_duration"),
        Known(reply, "eval_duration"),
        Known(reply, "prompt_eval_count"),
        Known(reply, "eval_count"),
        Word(reply, "done_reason"));

    // The server leaves zeros out, so that 0 means the same as absent: unknown.
    private static long? Known(JsonElement reply, string name)
    {
        if (!reply.TryGetProperty(name, out var value))
        {
            return null;
        }

        return value.ValueKind is JsonValueKind.Number && value.TryGetInt64(out var number) && number >= 0
            ? (number == 0 ? null : number)
            : throw new JsonException($"{name} is not an integer from 0");
    }

    private static bool Flag(JsonElement reply, string name) =>
        reply.TryGetProperty(name, out var value) && value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw new JsonException($"{name} is not a boolean"),
        };

    private static string? Word(JsonElement reply, string name) =>
        !reply.TryGetProperty(name, out var value) ? null
        : value.ValueKind is JsonValueKind.String ? NullIfEmpty(value.GetString())
        : throw new JsonException($"{name} is not text");

    private static void CheckMessage(JsonElement reply)
    {
        if (!reply.TryGetProperty("message", out var message) || message.ValueKind is not JsonValueKind.Object)
        {
            throw new JsonException("the reply has no message");
        }

        if (!message.TryGetProperty("content", out var content) || content.ValueKind is not JsonValueKind.String)
        {
            throw new JsonException("the reply's message has no text");
        }
    }

    private static string Text(JsonElement error) =>
        error.ValueKind is JsonValueKind.String ? error.GetString()! : error.GetRawText();

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
