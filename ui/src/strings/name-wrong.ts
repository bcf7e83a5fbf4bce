export const nameWrong = "Use the letters a–z and digits.";
