namespace PerfCompare.Agent.Messages;

/// <summary>A message with rules that its types cannot say.</summary>
internal interface IValidated
{
    /// <summary>The first broken rule in words, or null.</summary>
    string? FindProblem();
}
