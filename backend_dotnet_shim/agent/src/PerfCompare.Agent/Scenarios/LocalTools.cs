using System.ComponentModel;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.AI;

namespace PerfCompare.Agent.Scenarios;

/// <summary>The local functions of the scenario <c>tools</c>, and how a model is told of them.</summary>
internal static class LocalTools
{
    private const string Add = "add_numbers";
    private const string Count = "count_words";

    /// <summary>As the framework takes them; it tells the model what <see cref="Specifications"/> says.</summary>
    public static AITool[] Functions() =>
    [
        Function(AddNumbers, Add, "Add two whole numbers."),
        Function(CountWords, Count, "Count the words of a text."),
    ];

    /// <summary>As Ollama's API takes them.</summary>
    public static IReadOnlyList<JsonElement> Specifications { get; } = [.. JsonElement.Parse(
        """
        [
          {
            "type": "function",
            "function": {
              "name": "add_numbers",
              "description": "Add two whole numbers.",
              "parameters": {
                "type": "object",
                "properties": {
                  "a": {"type": "integer", "description": "The first number."},
                  "b": {"type": "integer", "description": "The second number."}
                },
                "required": ["a", "b"],
                "additionalProperties": false
              }
            }
          },
          {
            "type": "function",
            "function": {
              "name": "count_words",
              "description": "Count the words of a text.",
              "parameters": {
                "type": "object",
                "properties": {"text": {"type": "string", "description": "The text."}},
                "required": ["text"],
                "additionalProperties": false
              }
            }
          }
        ]
        """).EnumerateArray()];

    /// <summary>Invokes a function without the framework; its mistakes are told to the model as well.</summary>
    public static string Invoke(string name, IReadOnlyDictionary<string, JsonElement> arguments)
    {
        try
        {
            return name switch
            {
                Add => Text(AddNumbers(arguments["a"].GetInt64(), arguments["b"].GetInt64())),
                Count => Text(CountWords(arguments["text"].GetString()!)),
                _ => $"Error: Requested function \"{name}\" not found.",
            };
        }
        catch (Exception mistake) when (mistake is KeyNotFoundException
            or InvalidOperationException
            or FormatException
            or NullReferenceException
            or OverflowException)
        {
            return "Error: Function failed.";
        }
    }

    private static long AddNumbers(
        [Description("The first number.")] long a,
        [Description("The second number.")] long b) =>
        checked(a + b);

    private static long CountWords([Description("The text.")] string text) =>
        text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;

    private static RecordedFunction Function(Delegate method, string name, string description) => new(
        AIFunctionFactory.Create(method, new AIFunctionFactoryOptions
        {
            Name = name,
            Description = description,
            SerializerOptions = ToolJsonContext.Default.Options,
        }));

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
